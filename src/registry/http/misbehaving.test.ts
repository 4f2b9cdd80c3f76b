// Clients that stall, go away, come all at once or never come back, and what the registry keeps of them.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, utimesSync } from 'node:fs'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { DiskStorage } from '../disk-storage.ts'
import { Repositories } from '../repositories.ts'
import { type TestRegistry, pushImage, startRegistry } from '../testing.ts'
import { Uploads } from '../uploads.ts'

/** Sends the head of a request, and the beginning of a body that is longer. */
async function sendHalf({ url }: TestRegistry, method: string, path: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(`${method} /v2/${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n012`)
  return socket
}

async function begin(registry: TestRegistry): Promise<string> {
  const { headers } = await registry.request('POST', 'a/blobs/uploads/')
  return (headers.get('location') ?? '').replace('/v2/', '')
}

const received = async (registry: TestRegistry, upload: string) =>
  (await registry.request('GET', upload)).headers.get('range')

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 5))
}

const uploadsIn = (registry: TestRegistry) => readdirSync(join(registry.root, 'repositories/a/_uploads'))

test('a client that stalls in an upload is let go of, and the upload can be gone on with', async () => {
  await using registry = await startRegistry({ idleTime: 300 })
  const upload = await begin(registry)
  const stalled = await sendHalf(registry, 'PATCH', upload)
  await until(async () => (await received(registry, upload)) === '0-2')
  const headers = { 'content-range': '3-9' }
  const { status } = await registry.request('PATCH', upload, { body: '3456789', headers })
  assert.equal(status, 202)
  assert.equal(await received(registry, upload), '0-9')
  assert.ok(stalled.destroyed || stalled.closed || (await once(stalled, 'close')))
})

test('of an upload in one request that was cut off nothing is left', async () => {
  await using registry = await startRegistry()
  await begin(registry)
  const digest = `sha256:${'0'.repeat(64)}`
  const cut = await sendHalf(registry, 'POST', `a/blobs/uploads/?digest=${digest}`)
  await until(() => uploadsIn(registry).length === 2)
  cut.destroy()
  await until(() => uploadsIn(registry).length === 1)
})

test('an answer without content has no length', async () => {
  await using registry = await startRegistry()
  const upload = await begin(registry)
  for (const method of ['GET', 'DELETE']) {
    const response = await registry.request(method, upload)
    assert.deepEqual([response.status, response.headers.get('content-length')], [204, null])
  }
})

test('uploads that nobody goes on with expire', async () => {
  await using registry = await startRegistry()
  const [old, young] = [await begin(registry), await begin(registry)]
  const yesterday = Date.now() / 1000 - 25 * 3600
  utimesSync(join(registry.root, `repositories/a/_uploads/${old.split('/').at(-1)}`), yesterday, yesterday)
  const storage = new DiskStorage(registry.root)
  const names = await new Repositories(storage).receiving()
  assert.deepEqual(names, ['a'])
  assert.equal(await new Uploads(storage).expire(names), 1)
  assert.deepEqual(uploadsIn(registry), [young.split('/').at(-1)])
})

/** A storage whose lists of tags come late: when `late` is resolved. */
class LateTags extends DiskStorage {
  readonly asked = Promise.withResolvers<void>()
  readonly late = Promise.withResolvers<void>()

  override async list(prefix: string): Promise<readonly string[]> {
    const found = await super.list(prefix)
    if (!prefix.endsWith('_tags')) return found
    this.asked.resolve()
    await this.late.promise
    return found
  }
}

test('a tag that is set while its manifest is removed names a manifest, or is gone with it', async () => {
  await using registry = await startRegistry()
  const { digest, body } = await pushImage(registry, 'a', 'first')
  const storage = new LateTags(registry.root)
  const repository = new Repositories(storage).open('a')
  const removed = repository.removeManifest(digest)
  await storage.asked.promise
  const put = repository.putManifest('tag', Buffer.from(body), 'application/vnd.oci.image.manifest.v1+json')
  // Time enough to be done, if nothing keeps it waiting.
  await Promise.race([put, new Promise(resolve => setTimeout(resolve, 300))])
  storage.late.resolve()
  await Promise.all([removed, put])
  assert.deepEqual(await repository.tags(), ['tag'])
  assert.equal((await repository.manifest('tag')).digest, digest)
})

test('many referrers come in pages', async () => {
  await using registry = await startRegistry()
  const subject = await pushImage(registry, 'a', 'subject')
  const about = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: subject.digest,
    size: subject.body.length,
  }
  const annotations = { filler: 'x'.repeat(1_500_000) }
  const pushed: string[] = []
  for (const number of ['1', '2', '3']) {
    const more = { subject: about, artifactType: 'text/x', annotations: { ...annotations, number } }
    pushed.push((await pushImage(registry, 'a', `referrer${number}`, more)).digest)
  }
  const found: string[] = []
  const pages: number[] = []
  let path: string | undefined = `a/referrers/${subject.digest}?artifactType=text/x`
  while (path !== undefined) {
    const response: Response = await registry.request('GET', path)
    const { manifests } = (await response.json()) as { manifests: { digest: string }[] }
    found.push(...manifests.map(({ digest }) => digest))
    pages.push(manifests.length)
    path = /<\/v2\/([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
  }
  assert.deepEqual(found, pushed.toSorted())
  assert.deepEqual(pages, [2, 1])
})

test('a name that is too long for a file is one that is not there', async () => {
  await using registry = await startRegistry()
  const storage = new DiskStorage(registry.root)
  const key = 'x'.repeat(300)
  assert.equal(await storage.size(key), undefined)
  assert.deepEqual(await storage.list(key), [])
  assert.equal(await storage.read(key), undefined)
  assert.equal(await storage.remove(key), false)
})
