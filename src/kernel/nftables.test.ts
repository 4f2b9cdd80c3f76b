// libnftables against the kernel, in a network namespace of the test's own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNetworkNamespace, inNetworkNamespace } from './namespace.ts'
import { Nftables } from './nftables.ts'

/** A context in a new namespace. */
function fresh() {
  using namespace = createNetworkNamespace()
  return inNetworkNamespace(namespace, () => new Nftables())
}

test('commands are carried out and what they print is returned', () => {
  using nft = fresh()
  assert.equal(nft.run('add table inet one\nadd map inet one ports { type inet_service : ipv4_addr; }'), '')
  nft.run('add element inet one ports { 80 : 10.0.0.2, 81 : 10.0.0.3 }')
  assert.match(nft.run('list map inet one ports'), /80 : 10\.0\.0\.2, 81 : 10\.0\.0\.3/)
})

test('a text with one bad command changes nothing, and the error says what nft says', () => {
  using nft = fresh()
  assert.throws(() => nft.run('add table inet one\nadd chain inet nowhere one'), {
    kind: 'system',
    message: /No such file or directory/,
  })
  assert.throws(() => nft.run('add table inet one\nnonsense'), { kind: 'system', message: /syntax error/ })
  assert.equal(nft.run('list ruleset'), '')
})

test('a context stays with its namespace and works on after an error', () => {
  using one = fresh()
  using two = fresh()
  assert.throws(() => one.run('nonsense'))
  one.run('add table inet here')
  assert.match(one.run('list tables'), /here/)
  assert.equal(two.run('list tables'), '')
})

test('a closed context refuses', () => {
  const nft = fresh()
  nft[Symbol.dispose]()
  nft[Symbol.dispose]()
  assert.throws(() => nft.run('list tables'), { kind: 'system' })
})

test('a command with a NUL in it is refused', () => {
  using nft = fresh()
  assert.throws(() => nft.run('add table inet a\0b'), { code: 'EINVAL' })
})
