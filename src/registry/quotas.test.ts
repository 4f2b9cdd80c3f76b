// Quotas: what is refused, and that nothing of it is kept.

import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { test } from 'node:test'
import { type ContentDigest, contentDigestOf } from './digest.ts'
import { type QuotaRule, Quotas } from './quotas.ts'
import { type TestRegistry, pushBlob, startRegistry } from './testing.ts'

const rules: QuotaRule[] = [
  { repository: 'team/**', bytes: 1000, each: false },
  { repository: 'home/*', bytes: 500, each: true },
]

const content = (size: number, fill: string) => fill.repeat(size)

async function push(registry: TestRegistry, name: string, text: string): Promise<{ status: number; code?: string }> {
  const digest = contentDigestOf(Buffer.from(text), 'sha256')
  const response = await registry.request('POST', `${name}/blobs/uploads/?digest=${digest}`, { body: text })
  const answer = await response.text()
  if (response.status === 201) return { status: 201 }
  const { errors } = JSON.parse(answer) as { errors: { code: string; message: string }[] }
  assert.match(errors[0]?.message ?? '', /quota/)
  return { status: response.status, code: errors[0]?.code ?? '' }
}

const denied = { status: 403, code: 'DENIED' }
const taken = { status: 201 }

test('repositories have a quota together, or each', async () => {
  await using registry = await startRegistry({ quotas: rules })
  assert.deepEqual(await push(registry, 'team/a', content(600, 'a')), taken)
  assert.deepEqual(await push(registry, 'team/b', content(600, 'b')), denied)
  assert.deepEqual(await push(registry, 'team/b', content(600, 'a')), taken, 'the same content counts once')
  assert.deepEqual(await push(registry, 'team/b', content(400, 'b')), taken)
  assert.deepEqual(await push(registry, 'team/c', 'x'), denied)
  assert.deepEqual(await push(registry, 'home/ann', content(500, 'a')), taken)
  assert.deepEqual(await push(registry, 'home/bob', content(500, 'b')), taken)
  assert.deepEqual(await push(registry, 'home/bob', 'x'), denied)
  assert.deepEqual(await push(registry, 'free', content(5000, 'f')), taken)
  assert.deepEqual(
    globSync('repositories/*/*/_uploads/*', { cwd: registry.root }),
    [],
    'nothing is left of what was refused',
  )
})

test('what is deleted makes room', async () => {
  await using registry = await startRegistry({ quotas: rules })
  const digest = await pushBlob(registry, 'home/ann', content(500, 'a'))
  assert.deepEqual(await push(registry, 'home/ann', 'x'), denied)
  await registry.request('DELETE', `home/ann/blobs/${digest}`)
  assert.deepEqual(await push(registry, 'home/ann', 'x'), taken)
})

test('chunks are refused where they become too much, a blob of another repository as well', async () => {
  await using registry = await startRegistry({ quotas: rules })
  const begun = await registry.request('POST', 'home/ann/blobs/uploads/')
  const place = (begun.headers.get('location') ?? '').replace('/v2/', '')
  assert.equal((await registry.request('PATCH', place, { body: content(400, 'a') })).status, 202)
  assert.equal((await registry.request('PATCH', place, { body: content(101, 'a') })).status, 403)
  const digest = await pushBlob(registry, 'free', content(501, 'f'))
  const mounted = await registry.request('POST', `home/ann/blobs/uploads/?mount=${digest}&from=free`)
  assert.equal(mounted.status, 403)
  const manifest = JSON.stringify({ schemaVersion: 2, config: {}, annotations: { a: content(600, 'a') } })
  const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
  assert.notEqual((await registry.request('PUT', 'home/ann/manifests/1', { body: manifest, headers })).status, 201)
})

/** Quotas of 1000 bytes over a repository whose content is counted when `go` is called, as it was when the count began. */
function countedSlowly() {
  const there = new Map<ContentDigest, number>()
  const waiting: (() => void)[] = []
  const sizes = async () => {
    const snapshot = new Map(there)
    await new Promise<void>(resolve => waiting.push(resolve))
    return snapshot
  }
  const quotas = new Quotas([{ repository: '**', bytes: 1000, each: true }], {
    isShared: false,
    all: async () => ['app'],
    sizes,
  })
  const go = async () => {
    while (waiting.length === 0) await new Promise(resolve => setImmediate(resolve))
    for (const counted of waiting.splice(0)) counted()
  }
  return { quotas, there, go }
}

const digestOf = (text: string) => contentDigestOf(Buffer.from(text), 'sha256')

test('what comes while a repository is counted is counted', async () => {
  const { quotas, there, go } = countedSlowly()
  const bring = async (text: string, size: number) => {
    await quotas.admit('app', digestOf(text), size, async () => void there.set(digestOf(text), size))
  }
  const room = quotas.room('app')
  const first = bring('first', 600)
  await go()
  await Promise.all([room, first])
  await assert.rejects(bring('second', 600), /quota/)

  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
  const arriving = quotas.admit('app', digestOf('third'), 300, () => arrived)
  await new Promise(resolve => setImmediate(resolve))
  // Something else is deleted, so that all is counted again, without what is on its way.
  quotas.forget('app')
  const counted = quotas.room('app')
  await go()
  assert.equal(await counted, 100)
  there.set(digestOf('third'), 300)
  arrive()
  await arriving
  assert.equal(await quotas.room('app'), 100)
})

test('what did not come after all takes no room', async () => {
  const { quotas, go } = countedSlowly()
  const failing = quotas.admit('app', digestOf('a'), 900, () => Promise.reject(new Error('no disk')))
  const failed = assert.rejects(failing, /no disk/)
  await go()
  await failed
  const room = quotas.room('app')
  await go()
  assert.equal(await room, 1000)
})
