// Network namespaces: made, entered and left on the real kernel.

import assert from 'node:assert/strict'
import { readFileSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { KernelError } from './ffi.ts'
import { createNetworkNamespace, inNetworkNamespace, networkNamespaceOf } from './namespace.ts'
import { inWorker } from './testing.ts'

const here = () => readlinkSync('/proc/thread-self/ns/net')
const interfaces = () =>
  [...readFileSync('/proc/thread-self/net/dev', 'utf8').matchAll(/^\s*(\S+):/gm)].map(([, name]) => name)

test('a new namespace is empty, and the thread stays where it was', () => {
  const before = here()
  using namespace = createNetworkNamespace()
  assert.equal(here(), before)
  assert.notEqual(readlinkSync(namespace.path), before)
  assert.deepEqual(inNetworkNamespace(namespace, interfaces), ['lo'])
})

function fail(): never {
  throw new Error('inside')
}

test('the thread comes back after the body returns or throws, from nested namespaces too', () => {
  const before = here()
  using outer = createNetworkNamespace()
  using inner = createNetworkNamespace()
  const seen = inNetworkNamespace(outer, () => {
    const nested = inNetworkNamespace(inner, here)
    return [nested, here()]
  })
  assert.deepEqual(seen, [readlinkSync(inner.path), readlinkSync(outer.path)])
  assert.throws(() => inNetworkNamespace(outer, fail), { message: 'inside' })
  assert.equal(here(), before)
})

test('a worker enters alone', async () => {
  const [inside, after] = await inWorker<string[]>(`
    const { createNetworkNamespace, inNetworkNamespace } = await kernel('namespace')
    const { readlinkSync } = await import('node:fs')
    const here = () => readlinkSync('/proc/thread-self/ns/net')
    using namespace = createNetworkNamespace()
    return [inNetworkNamespace(namespace, here), here()]`)
  assert.notEqual(inside, here())
  assert.equal(after, here())
})

test('the namespace of a process can be entered', () => {
  using namespace = networkNamespaceOf(process.pid)
  assert.equal(readlinkSync(namespace.path), here())
  assert.throws(() => networkNamespaceOf(2 ** 22 + 1), KernelError)
})

test('what is no namespace is refused', () => {
  using namespace = networkNamespaceOf(process.pid)
  using closed = namespace.dup()
  closed.close()
  assert.throws(() => inNetworkNamespace(closed, here), { code: 'EBADF' })
})
