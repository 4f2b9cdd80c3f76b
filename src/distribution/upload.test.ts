// Sending to a registry: in one go, on from where it was cut off, again from the start, or not at all.

import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { startRegistry } from '../registry/testing.ts'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/manifest.ts'
import { type Behaviour, answer, collect, openRepository, refuse, serve } from './testing.ts'

const content = Buffer.alloc(3 << 20, 'content')
const blob = { digest: digestOf(content), size: content.length }

/** What a client reads: from `start` on, in pieces. */
async function* open(start: number): AsyncGenerator<Buffer, void, void> {
  for (let at = start; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536)
}

const register = (host: string, credentials = {}) =>
  openRepository(`${host}/name`, { credentials, actions: 'pull,push' })

test('a blob and its manifest arrive', async () => {
  await using registry = await startRegistry()
  await using opened = register(registry.url.replace('http://', ''))
  const { repository } = opened
  assert.equal(await repository.hasBlob(blob.digest), false)
  const progress: number[] = []
  await repository.pushBlob(blob, open, { onProgress: bytes => progress.push(bytes) })
  assert.equal(progress.at(-1), blob.size)
  assert.deepEqual(
    progress,
    progress.toSorted((a, b) => a - b),
  )
  assert.equal(await repository.hasBlob(blob.digest), true)
  assert.equal(await collect(repository.blob(blob)), content.toString())
  const config = { mediaType: mediaTypes.ociConfig, ...blob }
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [] }))
  assert.equal(await repository.pushManifest('1', manifest, mediaTypes.ociManifest), digestOf(manifest))
  assert.deepEqual((await repository.manifest('1')).bytes, manifest)
  await using other = openRepository(`${registry.url.replace('http://', '')}/other`, { actions: 'pull,push' })
  assert.equal(await other.repository.mountBlob(blob.digest, 'nowhere'), false)
  assert.equal(await other.repository.mountBlob(blob.digest, 'name'), true)
  const empty = { digest: digestOf(Buffer.alloc(0)), size: 0 }
  await repository.pushBlob(empty, async function* () {})
  assert.equal(await repository.hasBlob(empty.digest), true)
})

/** A registry that takes one upload, and of the first parts only as many bytes as `limits` say. */
function uploads(limits: number[], more: Behaviour = () => {}) {
  const received: { at: number; bytes: Buffer[] }[] = []
  let bytes = Buffer.alloc(0)
  const place = { location: '/v2/name/blobs/uploads/1?state=x', range: '' }
  const take = (request: IncomingMessage, done: () => void) => {
    const at = Number(/^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1])
    const part = { at, bytes: [] as Buffer[] }
    received.push(part)
    bytes = bytes.subarray(0, at)
    const limit = limits.shift() ?? Number.POSITIVE_INFINITY
    request.on('data', (chunk: Buffer) => {
      if (bytes.length >= limit) return request.socket.destroy()
      part.bytes.push(chunk)
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length >= limit) request.socket.destroy()
    })
    request.on('end', done).on('error', () => {})
  }
  const behave: Behaviour = (request, response, url) => {
    more(request, response, url)
    if (response.writableEnded) return
    const status = () => ({ ...place, range: `0-${Math.max(0, bytes.length - 1)}` })
    if (url.pathname === '/v2/') answer(response, 200, {})
    else if (request.method === 'POST') response.writeHead(202, place).end()
    else if (request.method === 'GET') response.writeHead(204, status()).end()
    else if (request.method === 'PATCH') take(request, () => response.writeHead(202, status()).end())
    else {
      const ok = url.searchParams.get('digest') === digestOf(bytes) && url.searchParams.get('state') === 'x'
      if (ok) response.writeHead(201, { 'docker-content-digest': blob.digest }).end()
      else refuse(response, 400, 'DIGEST_INVALID')
    }
  }
  return { behave, received }
}

test('an upload that is cut off goes on where it was', async () => {
  const { behave, received } = uploads([1 << 20, 2 << 20])
  await using server = await serve(behave)
  await using opened = register(server.host)
  await opened.repository.pushBlob(blob, open)
  assert.equal(received.length, 3)
  assert.equal(received[0]?.at, 0)
  for (const part of received.slice(1)) assert.ok(part.at > 0, String(part.at))
})

const forget: Behaviour = (request, response) => {
  if (request.method === 'GET' && request.url?.includes('uploads')) refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN')
}

test('one that the registry forgot is begun anew, and not for ever', async () => {
  const { behave, received } = uploads([1 << 20], forget)
  await using server = await serve(behave)
  await using opened = register(server.host)
  await opened.repository.pushBlob(blob, open)
  assert.deepEqual(
    received.map(({ at }) => at),
    [0, 0],
  )
  const never = uploads([1, 1, 1, 1, 1, 1, 1], forget)
  await using hostile = await serve(never.behave)
  await using other = register(hostile.host)
  await assert.rejects(other.repository.pushBlob(blob, open), { kind: 'unavailable' })
  assert.equal(never.received.length, 5)
})

test('a token that ends during an upload is replaced', async () => {
  let tokens = 0
  await using service = await serve((_, response) => answer(response, 200, { token: `t${++tokens}` }))
  let accepted = 't1'
  const { behave, received } = uploads([], (request, response) => {
    if (request.method === 'PATCH' && tokens === 1) accepted = 't2'
    if (request.headers.authorization === `Bearer ${accepted}`) return
    refuse(response, 401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer realm="${service.url}/"` })
  })
  await using server = await serve(behave)
  await using opened = register(server.host)
  await opened.repository.pushBlob(blob, open)
  assert.equal(tokens, 2)
  assert.equal(received.length, 1)
})

test('where an upload goes on is up to the registry, but gets no credentials elsewhere', async () => {
  const { behave } = uploads([])
  await using elsewhere = await serve(behave)
  const authorization = `Basic ${Buffer.from('user:secret').toString('base64')}`
  await using server = await serve((request, response) => {
    if (request.headers.authorization !== authorization)
      return refuse(response, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="x"' })
    response.writeHead(202, { location: `${elsewhere.url}/v2/name/blobs/uploads/1?state=x` }).end()
  })
  await using opened = register(server.host, { username: 'user', password: 'secret' })
  await opened.repository.pushBlob(blob, open)
  assert.deepEqual(
    elsewhere.asked.map(({ method, headers }) => [method, headers.authorization]),
    [
      ['PATCH', undefined],
      ['PUT', undefined],
    ],
  )
  await using lost = await serve((_, response, { pathname }) =>
    pathname === '/v2/' ? answer(response, 200, {}) : response.writeHead(202).end(),
  )
  await using other = register(lost.host)
  await assert.rejects(other.repository.pushBlob(blob, open), /doesn't say where the upload goes on$/)
})

test('a mount that is refused means that the bytes are sent', async () => {
  await using server = await serve((_, response, { pathname }) =>
    pathname === '/v2/' ? answer(response, 200, {}) : refuse(response, 403, 'DENIED'),
  )
  await using opened = register(server.host)
  assert.equal(await opened.repository.mountBlob(blob.digest, 'elsewhere'), false)
  await assert.rejects(opened.repository.pushBlob(blob, open), {
    kind: 'forbidden',
    message: 'denied: denied',
  })
})

test('a registry that takes no more bytes is given up, and tried again', async context => {
  await using server = await serve((request, response, { pathname }) => {
    if (pathname === '/v2/') answer(response, 200, {})
    else if (request.method === 'PATCH') request.pause()
    else if (request.method === 'GET') refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN')
    else response.writeHead(202, { location: '/v2/name/blobs/uploads/1' }).end()
  })
  await using opened = register(server.host)
  const abort = new AbortController()
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const huge = { ...blob, size: blob.size * 1000 }
  const pushing = opened.repository.pushBlob(huge, endless, { signal: abort.signal })
  pushing.catch(() => {})
  const deadline = performance.now() + 30_000
  const begun = () => server.asked.filter(({ method }) => method === 'POST').length
  while (begun() < 2 && performance.now() < deadline) {
    if (begun() === 1) context.mock.timers.tick(10_000)
    await immediate()
  }
  assert.equal(begun(), 2)
  abort.abort(new Error('enough'))
  await assert.rejects(pushing, /^Error: enough$/)
})

async function* endless(): AsyncGenerator<Buffer, void, void> {
  for (;;) yield content
}

test('a digest that the registry made up is an error', async () => {
  const lie = { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }
  await using server = await serve((request, response, { pathname }) => {
    request.resume()
    if (pathname === '/v2/') return answer(response, 200, {})
    response.writeHead({ POST: 202, PATCH: 202 }[request.method ?? ''] ?? 201, { location: '/v2/x', ...lie }).end()
  })
  await using opened = register(server.host)
  await assert.rejects(opened.repository.pushBlob(blob, open), /stored sha256:0+ instead of/)
  await assert.rejects(
    opened.repository.pushManifest('1', content, mediaTypes.ociManifest),
    /stored sha256:0+ instead of/,
  )
})
