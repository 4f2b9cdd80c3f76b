// Caches of another registry: what is fetched, how often, and what is served when that registry is away or has something else.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { globSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '../../content/testing.ts'
import { silentLog } from '../../lib/log.ts'
import { contentDigestOf } from '../digest.ts'
import { DiskStorage } from '../disk-storage.ts'
import type { Served } from '../observe/served.ts'
import { type TestOptions, type TestRegistry, pushBlob, pushImage, startRegistry } from '../testing.ts'
import { Repositories } from '../repositories.ts'
import { applyRetention } from '../retention.ts'
import { Uploads } from '../uploads.ts'
import { BlobFetch } from './blob-fetch.ts'
import { expiryOf } from './expiry.ts'
import { PullThrough } from './pull-through.ts'
import { type CacheRule, type Origin, Remotes } from './remotes.ts'

const hour = 3_600_000

const ruleFor = (origin: TestRegistry): CacheRule => ({
  prefix: 'hub',
  remote: new URL(origin.url).host,
  username: undefined,
  password: undefined,
  insecure: true,
  fresh: hour,
  wait: 10_000,
  keep: undefined,
})

/** A cache of `origin` below `hub/`. */
const cacheOf = (origin: TestRegistry, more: Partial<CacheRule> = {}, options: TestOptions = {}) =>
  startRegistry({ ...options, cache: [{ ...ruleFor(origin), ...more }] })

/** An origin that tells what it was asked for, as `GET blobs`. */
async function watchedOrigin() {
  const asked: string[] = []
  const observer = ({ method, endpoint }: Served) => void asked.push(`${method} ${endpoint}`)
  const origin = await startRegistry({ observer })
  return { origin, asked, count: (what: string) => asked.filter(one => one === what).length }
}

async function text(registry: TestRegistry, path: string, headers: Record<string, string> = {}) {
  const response = await registry.request('GET', path, { headers })
  return { status: response.status, body: await response.text() }
}

const layer = contentDigestOf(Buffer.from('layer'), 'sha256')

test('an image is fetched once, and served while its registry is away', async () => {
  const { origin, count } = await watchedOrigin()
  const { body, digest } = await pushImage(origin, 'team/app', '1')
  await using cache = await cacheOf(origin, { fresh: 0 })
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await text(cache, 'hub/team/app/manifests/1'), { status: 200, body })
    assert.deepEqual(await text(cache, `hub/team/app/blobs/${layer}`), { status: 200, body: 'layer' })
  }
  assert.deepEqual([count('GET manifests'), count('GET blobs')], [1, 1])
  await origin[Symbol.asyncDispose]()
  assert.deepEqual(await text(cache, 'hub/team/app/manifests/1'), { status: 200, body })
  assert.deepEqual(await text(cache, `hub/team/app/manifests/${digest}`), { status: 200, body })
  assert.deepEqual(await text(cache, `hub/team/app/blobs/${layer}`), { status: 200, body: 'layer' })
  assert.equal((await text(cache, 'hub/team/app/manifests/other')).status, 502)
})

test('a tag that goes elsewhere is followed once it is not fresh, and one that is gone goes', async () => {
  await using origin = await startRegistry()
  const first = await pushImage(origin, 'app', '1')
  await using fresh = await cacheOf(origin)
  await using stale = await cacheOf(origin, { fresh: 0 })
  for (const cache of [fresh, stale]) assert.equal((await text(cache, 'hub/app/manifests/1')).body, first.body)
  const second = await pushImage(origin, 'app', '1', { annotations: { a: 'second' } })
  assert.equal((await text(fresh, 'hub/app/manifests/1')).body, first.body)
  assert.equal((await text(stale, 'hub/app/manifests/1')).body, second.body)
  await origin.request('DELETE', 'app/manifests/1')
  assert.equal((await text(stale, 'hub/app/manifests/1')).status, 404)
  assert.equal((await text(stale, `hub/app/manifests/${second.digest}`)).status, 200)
})

test('a blob is fetched once for all who ask at once, in parts as well', async () => {
  const { origin, count } = await watchedOrigin()
  await using _origin = origin
  const content = 'abcdefghij'.repeat(1_000_000)
  const blob = await pushBlob(origin, 'app', content)
  const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: blob, size: content.length }]
  await pushImage(origin, 'app', '1', { layers })
  await using cache = await cacheOf(origin)
  assert.equal((await text(cache, `hub/app/blobs/${blob}`)).status, 404, 'no manifest names it yet')
  await text(cache, 'hub/app/manifests/1')
  const head = await cache.request('HEAD', `hub/app/blobs/${blob}`)
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(content.length)])
  assert.equal(count('GET blobs'), 0)
  const whole = Array.from({ length: 5 }, () => text(cache, `hub/app/blobs/${blob}`))
  const part = text(cache, `hub/app/blobs/${blob}`, { range: 'bytes=9999998-' })
  for (const { status, body } of await Promise.all(whole)) assert.ok(status === 200 && body === content)
  assert.deepEqual(await part, { status: 206, body: 'ij' })
  assert.equal(count('GET blobs'), 1)
  assert.deepEqual(globSync('repositories/**/_uploads/*', { cwd: cache.root }), [])
})

test('what is not what its digest says is not kept', async () => {
  await using origin = await startRegistry()
  await pushImage(origin, 'app', '1')
  await using cache = await cacheOf(origin)
  await text(cache, 'hub/app/manifests/1')
  const [stored = ''] = globSync(`blobs/sha256/*/${layer.slice('sha256:'.length)}`, { cwd: origin.root })
  writeFileSync(join(origin.root, stored), 'laver')
  const cut = await text(cache, `hub/app/blobs/${layer}`).catch(() => undefined)
  assert.equal(cut, undefined, 'the client sees that something is wrong')
  writeFileSync(join(origin.root, stored), 'layer')
  assert.deepEqual(await text(cache, `hub/app/blobs/${layer}`), { status: 200, body: 'layer' })
})

test('it is not pushed to; tags are those of its registry; others are its own', async () => {
  await using origin = await startRegistry()
  await pushImage(origin, 'app', '1')
  await pushImage(origin, 'app', '2')
  await using cache = await cacheOf(origin)
  const push = await cache.request('POST', 'hub/app/blobs/uploads/')
  assert.equal(push.status, 405)
  assert.match(await push.text(), /hub\/app is a cache of 127\.0\.0\.1:\d+\/app: push there/)
  assert.deepEqual(JSON.parse((await text(cache, 'hub/app/tags/list')).body), { name: 'hub/app', tags: ['1', '2'] })
  assert.equal((await pushImage(cache, 'own', '1')).response.status, 201)
  assert.equal((await text(cache, 'hub/nothing/manifests/1')).status, 404)
})

test('what nobody uses any more goes', async () => {
  await using origin = await startRegistry()
  await pushImage(origin, 'app', '1')
  await using cache = await cacheOf(origin)
  await text(cache, 'hub/app/manifests/1')
  const apply = (now: number) =>
    applyRetention(new Repositories(new DiskStorage(cache.root)), expiryOf([{ ...ruleFor(origin), keep: 2 * hour }]), {
      now,
    })
  assert.deepEqual(await apply(Date.now() + hour), [])
  assert.equal((await apply(Date.now() + 3 * hour)).length, 2)
})

/** Takes the place of an origin, and says nothing to whoever connects. */
async function silentAt(origin: TestRegistry) {
  const sockets = new Set<Socket>()
  const server = createServer(socket => void sockets.add(socket.on('error', () => {})))
  server.listen(Number(new URL(origin.url).port), '127.0.0.1')
  await once(server, 'listening')
  return {
    reached: () => (sockets.size > 0 ? Promise.resolve() : once(server, 'connection')),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Makes all that a cache has of tags and manifests three hours old. */
function age(cache: TestRegistry): void {
  const then = Date.now() / 1000 - 3 * 3600
  for (const file of globSync('repositories/**/{_tags,_manifests}/**', { cwd: cache.root }))
    utimesSync(join(cache.root, file), then, then)
}

test('what is served while its registry is silent is served soon, asked for rarely, and used', async () => {
  const origin = await startRegistry()
  const { body } = await pushImage(origin, 'app', '1')
  await using cache = await cacheOf(origin, { wait: 200 })
  await text(cache, 'hub/app/manifests/1')
  await origin[Symbol.asyncDispose]()
  age(cache)
  await using silent = await silentAt(origin)
  const begun = performance.now()
  assert.deepEqual(await text(cache, 'hub/app/manifests/1'), { status: 200, body })
  assert.ok(performance.now() - begun < 30_000, 'a registry may be silent for a minute')
  await silent.reached()
  await silent[Symbol.asyncDispose]()
  // By the time of the tag it is fresh: a registry that refuses connections is not asked either.
  assert.deepEqual(await text(cache, 'hub/app/manifests/1'), { status: 200, body })
  const rules = expiryOf([{ ...ruleFor(origin), keep: 2 * hour }])
  assert.deepEqual(await applyRetention(new Repositories(new DiskStorage(cache.root)), rules), [])
})

test("what one repository's manifests say of a blob says nothing to another one", async () => {
  await using origin = await startRegistry()
  await pushImage(origin, 'good/app', '1')
  const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer, size: 99 }]
  await pushImage(origin, 'bad/app', '1', { layers })
  await using cache = await cacheOf(origin)
  await text(cache, 'hub/good/app/manifests/1')
  await text(cache, 'hub/bad/app/manifests/1')
  assert.equal((await cache.request('HEAD', `hub/other/app/blobs/${layer}`)).status, 404)
  assert.deepEqual(await text(cache, `hub/good/app/blobs/${layer}`), { status: 200, body: 'layer' })
})

test('a registry is asked what it wants to know once for many requests', async () => {
  const { origin, asked, count } = await watchedOrigin()
  await using _origin = origin
  await pushImage(origin, 'app', '1')
  await using cache = await cacheOf(origin, { fresh: 0 })
  for (let round = 0; round < 3; round++) assert.equal((await text(cache, 'hub/app/manifests/1')).status, 200)
  assert.equal(count('HEAD manifests'), 3)
  assert.equal(count('GET base'), 1, asked.join('\n'))
})

test('nothing is kept for a reader that goes before it has begun', async () => {
  await using origin = await startRegistry()
  const digest = await pushBlob(origin, 'app', 'layer')
  await using remotes = new Remotes([ruleFor(origin)], {})
  const remote = remotes.of('hub/app')?.remote
  assert.ok(remote)
  const gate = Promise.withResolvers<void>()
  const fetch = new BlobFetch(
    { remote, digest: digest as never, size: 5, signal: new AbortController().signal },
    {
      async keep(source) {
        await gate.promise
        await Array.fromAsync(source)
      },
      part: () => undefined,
    },
  )
  const body = fetch.follow(() => [] as never)
  assert.equal(fetch.followers, 1)
  await once(body.destroy(), 'close')
  assert.equal(fetch.followers, 0)
  gate.resolve()
  await fetch.done
})

test('what is being fetched is given up before the end', async () => {
  const root = mkdtempSync(join(tmpdir(), 'cache-'))
  using undo = new DisposableStack()
  undo.defer(() => rmSync(root, { recursive: true }))
  const origin = await startRegistry()
  await pushImage(origin, 'app', '1')
  const cache = await cacheOf(origin, {}, { root })
  await text(cache, 'hub/app/manifests/1')
  await origin[Symbol.asyncDispose]()
  await using silent = await silentAt(origin)
  const cut = assert.rejects(text(cache, `hub/app/blobs/${layer}`))
  await silent.reached()
  await cache[Symbol.asyncDispose]()
  await cut
  assert.deepEqual(globSync('repositories/**/_uploads/*', { cwd: root }), [])
})

test('who comes late gets what is here while the rest comes, and not the end of what is wrong', async () => {
  await using origin = await startRegistry()
  const content = Buffer.alloc(3_000_000, 'abcdefgh')
  const digest = await pushBlob(origin, 'app', content.toString())
  await using remotes = new Remotes([ruleFor(origin)], {})
  const remote = remotes.of('hub/app')?.remote
  assert.ok(remote)
  const [half, rest] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const kept: Buffer[] = []
  let size = 0
  const fetch = new BlobFetch(
    { remote, digest: digest as never, size: content.length, signal: new AbortController().signal },
    {
      async keep(source) {
        for await (const chunk of source) {
          kept.push(Buffer.from(chunk))
          size += chunk.length
          if (size < content.length / 2) continue
          half.resolve()
          await rest.promise
        }
        throw new Error('it is another one')
      },
      part: (start, end) => Readable.from([Buffer.concat(kept).subarray(start, end + 1)]),
    },
  )
  await half.promise
  const late = fetch.follow(() => Readable.from([]))
  let seen = 0
  const read = assert.rejects(async () => {
    for await (const chunk of late) {
      seen += (chunk as Buffer).length
      rest.resolve()
    }
  }, /another one/)
  await read
  assert.ok(seen > 0 && seen < content.length)
})

test('a second client reads along from the disk while the first one is being served', async () => {
  const content = Buffer.alloc(3_000_000, 'abcdefgh')
  const origin = await startRegistry()
  const digest = await pushBlob(origin, 'app', content.toString())
  const layers = [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: content.length }]
  await pushImage(origin, 'app', '1', { layers })
  await using cache = await cacheOf(origin)
  await text(cache, 'hub/app/manifests/1')
  await origin[Symbol.asyncDispose]()
  const rest = Promise.withResolvers<void>()
  const slow = createHttpServer((request, response) => {
    if (!request.url?.includes('/blobs/')) return void response.end('{}')
    response.setHeader('content-length', content.length)
    response.write(content.subarray(0, 2_000_000))
    void rest.promise.then(() => response.end(content.subarray(2_000_000)))
  })
  slow.listen(Number(new URL(origin.url).port), '127.0.0.1')
  await once(slow, 'listening')
  await using undo = new AsyncDisposableStack()
  undo.defer(async () => {
    slow.closeAllConnections()
    await new Promise(resolve => slow.close(resolve))
  })
  const open = async () => {
    const { body } = await cache.request('GET', `hub/app/blobs/${digest}`)
    const reader = (body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader()
    const { value } = await reader.read()
    assert.ok(value)
    return async () => {
      const chunks = [value]
      for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
      return Buffer.concat(chunks)
    }
  }
  const first = await open()
  const second = await open()
  rest.resolve()
  for (const all of await Promise.all([first(), second()])) assert.ok(all.equals(content))
})

test('signatures and other referrers are found by a cache, too, and while its registry is away those that are here', async () => {
  const origin = await startRegistry()
  const { digest, body } = await pushImage(origin, 'app', '1')
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const more = { subject: { mediaType, digest, size: body.length }, artifactType: 'application/x-signature' }
  const signature = await pushImage(origin, 'app', 'signature', more)
  await pushImage(origin, 'app', 'other', { ...more, artifactType: 'application/x-other' })
  await using cache = await cacheOf(origin)
  const listed = async (query = '') => {
    const { manifests } = JSON.parse((await text(cache, `hub/app/referrers/${digest}${query}`)).body) as {
      manifests: { digest: string; artifactType: string }[]
    }
    return manifests.map(({ artifactType }) => artifactType).toSorted()
  }
  assert.deepEqual(await listed(), ['application/x-other', 'application/x-signature'])
  assert.deepEqual(await listed('?artifactType=application/x-other'), ['application/x-other'])
  assert.equal((await text(cache, `hub/app/manifests/${signature.digest}`)).body, signature.body)
  await origin[Symbol.asyncDispose]()
  assert.deepEqual(await listed(), ['application/x-signature'])
})

class CountingStorage extends DiskStorage {
  reads = 0

  override read(key: string): Promise<Buffer | undefined> {
    if (key.startsWith('blobs/')) this.reads++
    return super.read(key)
  }
}

test('who asks for blobs that there are not has manifests read once only', async () => {
  await using origin = await startRegistry()
  await pushImage(origin, 'app', '1')
  using directory = temporaryDirectory()
  await using storage = new CountingStorage(directory.path)
  await storage.prepare()
  const rules = [{ ...ruleFor(origin), fresh: 0 }]
  const parts = { storage, uploads: new Uploads(storage), log: silentLog }
  const repository = new Repositories(storage).open('hub/app')
  {
    await using first = new PullThrough(rules, parts, {})
    await first.refresh(repository, first.of('hub/app') as Origin, '1')
  }
  await using cache = new PullThrough(rules, parts, {})
  storage.reads = 0
  for (const letter of 'abc') {
    const none = contentDigestOf(Buffer.from(letter), 'sha256')
    await assert.rejects(cache.blobSize(repository, none), /no manifest of the repository names/)
  }
  assert.equal(await cache.blobSize(repository, layer), 5)
  assert.equal(storage.reads, 1)
})
