// Mirrors are asked first, get no credentials, and may fail in every way.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/manifest.ts'
import { endpointsOf, mirrorAt, mirrorsOf } from './endpoints.ts'
import { HttpRepository } from './repository.ts'
import { Session } from './session.ts'
import { type Behaviour, type TestServer, answer, collect, plainSettings, refuse, serve } from './testing.ts'
import { Transport } from './transport.ts'

const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }))
const content = Buffer.from('0123456789')
const blob = { digest: digestOf(content), size: content.length }
const challenge = { 'www-authenticate': 'Basic realm="x"' }

const well: Behaviour = (_, response, { pathname }) => {
  if (pathname.includes('/blobs/')) response.writeHead(200, { 'content-length': content.length }).end(content)
  else if (pathname === '/v2/') answer(response, 200, {})
  else response.writeHead(200, { 'content-type': mediaTypes.ociIndex }).end(index)
}

/** The repository `x` of a registry that asks for a password, and of its mirrors. */
function mirrored(context: { after(body: () => Promise<void>): void }, origin: TestServer, mirrors: readonly string[]) {
  const transport = new Transport(plainSettings)
  context.after(() => transport.close())
  const at =
    (url: string, isMirror: boolean, credentials = {}) =>
    async () => {
      const endpoint = isMirror
        ? await mirrorAt(plainSettings, url)
        : { origin: url, host: origin.host, secure: false, isMirror }
      const session = new Session({ transport, endpoint, credentials, scopes: [] })
      await session.ping()
      return session
    }
  return new HttpRepository({
    name: 'registry.example/x',
    path: 'x',
    origin: at(origin.url, false, { username: 'user', password: 'secret' }),
    mirrors: mirrors.map(url => at(url, true)),
  })
}

const guarded: Behaviour = (request, response, url) =>
  request.headers.authorization === undefined
    ? refuse(response, 401, 'UNAUTHORIZED', challenge)
    : well(request, response, url)

test('a mirror that has everything is enough, even if the registry is away', async context => {
  await using origin = await serve(guarded)
  await using mirror = await serve((request, response, url) => {
    url.pathname = url.pathname.replace('/prefix', '')
    well(request, response, url)
  })
  const repository = mirrored(context, origin, [`${mirror.url}/prefix/`])
  assert.deepEqual((await repository.manifest('1')).bytes, index)
  assert.equal(await collect(repository.blob(blob)), content.toString())
  assert.equal(await repository.hasBlob(blob.digest), true)
  assert.deepEqual(await repository.referrers(blob.digest), [])
  assert.equal(origin.asked.length, 0)
  assert.ok(mirror.asked.every(({ url }) => url.startsWith('/prefix/v2/')))
  assert.ok(repository.withoutMirrors)
  assert.equal(repository.withoutMirrors?.withoutMirrors, undefined)
})

test('what mirrors lack, refuse or can’t say comes from the registry', async context => {
  await using origin = await serve(guarded)
  await using empty = await serve((_, response, { pathname }) =>
    pathname === '/v2/' ? answer(response, 200, {}) : refuse(response, 404, 'MANIFEST_UNKNOWN'),
  )
  await using closed = await serve((_, response) => refuse(response, 401, 'UNAUTHORIZED', challenge))
  const repository = mirrored(context, origin, ['http://127.0.0.1:1', empty.url, closed.url])
  assert.deepEqual((await repository.manifest('1')).bytes, index)
  assert.equal(await repository.hasBlob(blob.digest), true)
  assert.equal(await collect(repository.blob(blob)), content.toString())
  for (const { headers } of [...empty.asked, ...closed.asked]) assert.equal(headers.authorization, undefined)
})

test('a blob that a mirror cuts off or gets wrong is gone on with from the registry', async context => {
  await using origin = await serve(guarded)
  for (const wrong of [content.subarray(0, 4), Buffer.concat([content, content])]) {
    await using mirror = await serve((request, response, url) => {
      if (!url.pathname.includes('/blobs/')) return well(request, response, url)
      response.writeHead(200).end(wrong)
    })
    const repository = mirrored(context, origin, [mirror.url])
    await assert.rejects(collect(repository.blob(blob)), { kind: 'unavailable' })
    assert.equal(await collect(repository.blob(blob, { start: 4 })), content.subarray(4).toString())
  }
})

test('mirrors are docker.io’s only, and what is not secure is said', async () => {
  const settings = {
    ...plainSettings,
    mirrors: ['https://mirror.example/', 'no url'],
    insecure: ['10.0.0.0/8', 'a.example'],
  }
  assert.deepEqual(mirrorsOf(settings, 'docker.io'), ['https://mirror.example/'])
  assert.deepEqual(mirrorsOf(settings, 'quay.io'), [])
  const origins = async (registry: string) => (await endpointsOf(settings, registry)).map(({ origin }) => origin)
  assert.deepEqual(await origins('docker.io'), ['https://registry-1.docker.io'])
  assert.deepEqual(await origins('b.example:5000'), ['https://b.example:5000'])
  for (const host of ['a.example', 'a.example:5000', '10.1.2.3:5000', 'localhost:5000', '[::1]:5000', '127.1.2.3']) {
    assert.deepEqual(await origins(host), [`https://${host}`, `http://${host}`])
  }
  assert.deepEqual(await origins('11.1.2.3'), ['https://11.1.2.3'])
  const secure = async (url: string) => (await mirrorAt(settings, url)).secure
  assert.deepEqual(await Promise.all(['https://m.example', 'https://a.example', 'http://m.example'].map(secure)), [
    true,
    false,
    false,
  ])
})
