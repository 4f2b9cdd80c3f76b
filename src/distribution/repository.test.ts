// Reading from registries that answer well, and from those that lie, stop, hurry or never end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { maximumManifestSize, mediaTypes } from '../oci/manifest.ts'
import { type Behaviour, answer, collect, openRepository, refuse, serve } from './testing.ts'

const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }))
const content = Buffer.from('0123456789'.repeat(1000))
const blob = { digest: digestOf(content), size: content.length }

/** A registry on loopback whose paths below /v2/name/ behave so, and its repository. */
async function registryWith(behave: Behaviour, settings = {}) {
  const server = await serve((request, response, url) => {
    if (url.pathname === '/v2/') return answer(response, 200, {})
    url.pathname = url.pathname.replace('/v2/name', '')
    behave(request, response, url)
  })
  const opened = openRepository(`${server.host}/name`, { settings })
  return {
    ...server,
    repository: opened.repository,
    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

test('manifests are what their digest says, and not too large', async () => {
  await using registry = await registryWith((_, response, { pathname }) => {
    const headers = { 'content-type': `${mediaTypes.ociIndex}; charset=utf-8` }
    if (pathname === '/manifests/large')
      response.writeHead(200, headers).end(Buffer.alloc(maximumManifestSize + 1, ' '))
    else if (pathname === '/manifests/lie') {
      response.writeHead(200, { ...headers, 'docker-content-digest': blob.digest }).end(index)
    } else response.writeHead(200, headers).end(index)
  })
  const { repository } = registry
  const found = { bytes: index, digest: digestOf(index), mediaType: mediaTypes.ociIndex }
  assert.deepEqual(await repository.manifest('1'), found)
  assert.deepEqual(await repository.manifest(digestOf(index)), found)
  const wrong = { kind: 'invalid', message: `manifest verification failed for digest ${blob.digest}` }
  await assert.rejects(repository.manifest(blob.digest), wrong)
  await assert.rejects(repository.manifest('lie'), wrong)
  await assert.rejects(repository.manifest('large'), /has more than 4194304 bytes/)
})

test('a descriptor comes from the headers, or from the manifest itself', async () => {
  await using registry = await registryWith((request, response, { pathname }) => {
    if (pathname === '/manifests/none') return refuse(response, 404, 'MANIFEST_UNKNOWN')
    const told = pathname === '/manifests/full' ? { 'docker-content-digest': blob.digest, 'content-length': 7 } : {}
    response.writeHead(200, { 'content-type': mediaTypes.ociIndex, ...told })
    response.end(request.method === 'HEAD' ? undefined : index)
  })
  const { repository } = registry
  const mediaType = mediaTypes.ociIndex
  assert.deepEqual(await repository.head('full'), { mediaType, digest: blob.digest, size: 7 })
  assert.deepEqual(await repository.head('bare'), { mediaType, digest: digestOf(index), size: index.length })
  assert.equal(await repository.head('none'), undefined)
})

test('blobs go on where they stopped, even if the registry sends all of them', async () => {
  await using registry = await registryWith((request, response, { pathname }) => {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (pathname.startsWith('/blobs/') && start === 7 && registry.asked.length % 2 === 0) {
      const range = `bytes 7-${content.length - 1}/${content.length}`
      response.writeHead(206, { 'content-range': range }).end(content.subarray(7))
    } else response.writeHead(200).end(content)
  })
  const { repository } = registry
  for (const start of [0, 7, 7, content.length - 1]) {
    assert.equal(await collect(repository.blob(blob, { start })), content.subarray(start).toString())
  }
})

test('blobs of another size are refused, and those that are cut off can be gone on with', async () => {
  let sent = 0
  await using registry = await registryWith((_, response) => {
    const half = content.subarray(0, 5000)
    switch (mode) {
      case 'announced':
        return response.writeHead(200, { 'content-length': content.length + 1 }).end()
      case 'cut':
        return response.writeHead(200, { 'content-length': content.length }).write(half, () => response.destroy())
      case 'short':
        return response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(half)
      case 'range':
        return response.writeHead(206, { 'content-range': 'bytes 9000-9999/10000' }).end(content.subarray(9000))
      default: {
        const more = () => {
          while (!response.destroyed && response.write(content)) sent += content.length
        }
        response.on('drain', more).writeHead(200)
        return more()
      }
    }
  })
  let mode = ''
  const read = (as: string) => {
    mode = as
    return collect(registry.repository.blob(blob, { start: as === 'range' ? 5 : 0 }))
  }
  await assert.rejects(read('announced'), { kind: 'invalid', message: /has 10001 bytes for blob .* instead of 10000/ })
  await assert.rejects(read('cut'), { kind: 'unavailable', message: /stopped after 5000 of 10000 bytes/ })
  await assert.rejects(read('short'), { kind: 'unavailable', message: /stopped after 5000 of 10000 bytes/ })
  await assert.rejects(read('range'), { kind: 'unavailable', message: /answered another part of a blob/ })
  await assert.rejects(read('endless'), { kind: 'invalid', message: /has more than 10000 bytes/ })
  assert.ok(sent < 64 << 20, String(sent))
})

test('a registry that sends a byte now and then is given up', async context => {
  await using registry = await registryWith((_, response) => {
    response.writeHead(200, { 'content-length': content.length }).write(content.subarray(0, 10))
  })
  context.mock.timers.enable({ apis: ['setInterval'] })
  const reading = registry.repository.blob(blob)
  const first = await reading.next()
  assert.equal(first.value?.length, 10)
  const rest = reading.next()
  context.mock.timers.tick(60_000)
  await assert.rejects(rest, { kind: 'unavailable', message: /sends blob .* too slowly$/ })
})

test('busy registries are asked again, when they say', async () => {
  let busy = 3
  await using registry = await registryWith((_, response, { pathname }) => {
    const status = pathname === '/manifests/always' ? 503 : [429, 503, 500][busy - 1]
    if (busy-- > 0 || pathname === '/manifests/always')
      return refuse(response, status ?? 503, 'BUSY', { 'retry-after': 0 })
    response.writeHead(200).end(index)
  })
  const { repository } = registry
  assert.deepEqual((await repository.manifest('1')).bytes, index)
  const before = registry.asked.length
  await assert.rejects(repository.manifest('always'), {
    kind: 'unavailable',
    message: 'received unexpected HTTP status: 503 Service Unavailable',
  })
  assert.equal(registry.asked.length - before, 5)
  busy = 1
  const abort = new AbortController()
  const waiting = repository.manifest('2', { signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(waiting, /^Error: enough$/)
})

test('a request that got lost is sent again', async () => {
  let lost = 1
  await using registry = await registryWith((request, response) => {
    if (lost-- > 0) request.socket.destroy()
    else response.writeHead(200).end(index)
  })
  assert.deepEqual((await registry.repository.manifest('1')).bytes, index)
})

test('tags come page by page, not from elsewhere and not for ever', async () => {
  await using registry = await registryWith((_, response, { searchParams }) => {
    const page = Number(searchParams.get('last') ?? 0)
    const next = page === 2 ? 'https://elsewhere.invalid/v2/name/tags/list' : `/v2/name/tags/list?last=${page + 1}`
    answer(response, 200, { tags: [`t${page}`, '../x', 7] }, { link: `<${next}>; rel="next"` })
  })
  const tags: string[] = []
  for await (const tag of registry.repository.tags()) tags.push(tag)
  assert.deepEqual(tags, ['t0', 't1', 't2'])
  await using endless = await registryWith((_, response) =>
    answer(response, 200, { tags: null }, { link: '</v2/name/tags/list>; rel="next"' }),
  )
  await assert.rejects(Array.fromAsync(endless.repository.tags()), /has more than 200000 tags/)
})

test('referrers by the API, or by a tag', async () => {
  const manifests = [{ mediaType: mediaTypes.ociManifest, digest: blob.digest, size: 1 }]
  const list = { schemaVersion: 2, manifests }
  await using modern = await registryWith((_, response, { pathname }) =>
    pathname === `/referrers/${blob.digest}` ? answer(response, 200, list) : refuse(response, 404, 'UNKNOWN'),
  )
  await using old = await registryWith((_, response, { pathname }) =>
    pathname === `/manifests/${blob.digest.replace(':', '-')}`
      ? answer(response, 200, list)
      : refuse(response, 404, 'UNKNOWN'),
  )
  await using none = await registryWith((_, response) => refuse(response, 404, 'UNKNOWN'))
  const digests = async ({ repository }: typeof none) =>
    (await repository.referrers(blob.digest)).map(({ digest }) => digest)
  assert.deepEqual(await digests(modern), [blob.digest])
  assert.deepEqual(await digests(old), [blob.digest])
  assert.deepEqual(await digests(none), [])
  await using busy = await registryWith((_, response) => refuse(response, 503, 'UNAVAILABLE', { 'retry-after': '0' }))
  await assert.rejects(digests(busy))
  assert.equal(busy.asked.filter(({ url }) => url.includes('/referrers/')).length, 1)
})

test('no answer makes a process end: bodies that are thrown away may break', async () => {
  await using registry = await registryWith((_, response) => {
    response.writeHead(503, { 'retry-after': '0', 'content-length': 10 }).write('x', () => response.destroy())
  })
  await assert.rejects(registry.repository.manifest('1'), { kind: 'unavailable' })
  assert.equal(await registry.repository.hasBlob(blob.digest).catch(() => 'error'), 'error')
})
