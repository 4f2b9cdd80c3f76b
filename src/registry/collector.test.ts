// Garbage collection: what goes, what stays, and that a registry that is being pushed to loses nothing by it.

import assert from 'node:assert/strict'
import { globSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { collectGarbage } from './collector.ts'
import { DiskStorage } from './disk-storage.ts'
import { contentDigestOf } from './digest.ts'
import { Repositories } from './repositories.ts'
import { pushBlob, pushImage, startRegistry } from './testing.ts'
import { Uploads } from './uploads.ts'

const hour = 3_600_000
const files = (root: string) =>
  globSync('{blobs,repositories}/**/*', { cwd: root, withFileTypes: true }).filter(file => file.isFile())

/** Makes all that is there look two hours old. */
function age(root: string): void {
  const time = (Date.now() - 2 * hour) / 1000
  for (const file of files(root)) utimesSync(join(file.parentPath, file.name), time, time)
}

async function* content() {
  yield Buffer.from('layer')
}

function partsOf(root: string) {
  const storage = new DiskStorage(root)
  return { storage, repositories: new Repositories(storage) }
}

test('what no manifest needs goes once it is old enough', async () => {
  await using registry = await startRegistry()
  const kept = await pushImage(registry, 'a', 'kept')
  const gone = await pushImage(registry, 'b', 'gone', { annotations: { a: 'b' } })
  const lonely = await pushBlob(registry, 'a', 'lonely')
  const parts = partsOf(registry.root)
  await registry.request('DELETE', `b/manifests/${gone.digest}`)
  assert.deepEqual(await collectGarbage(parts, hour), { links: 0, blobs: 0, bytes: 0 })
  age(registry.root)
  const young = await pushBlob(registry, 'a', 'young')
  const { links, blobs, bytes } = await collectGarbage(parts, hour)
  assert.deepEqual([links, blobs, bytes], [3, 2, gone.body.length + 'lonely'.length])
  const status = async (path: string) => (await registry.request('GET', path)).status
  assert.equal(await status('a/manifests/kept'), 200)
  const { layers } = JSON.parse(kept.body) as { layers: { digest: string }[] }
  assert.equal(await status(`a/blobs/${layers[0]?.digest}`), 200)
  assert.equal(await status(`a/blobs/${lonely}`), 404)
  assert.equal(await status(`a/blobs/${young}`), 200)
  assert.equal(await status(`b/blobs/${layers[0]?.digest}`), 404)
})

test('a blob that a client has asked for stays until its manifest may have come', async () => {
  await using registry = await startRegistry()
  const digest = await pushBlob(registry, 'a', 'layer')
  age(registry.root)
  assert.equal((await registry.request('HEAD', `a/blobs/${digest}`)).status, 200)
  assert.deepEqual(await collectGarbage(partsOf(registry.root), hour), { links: 0, blobs: 0, bytes: 0 })
})

test('what is pushed again or taken over while it is collected is there afterwards', async () => {
  await using registry = await startRegistry()
  const parts = partsOf(registry.root)
  const uploads = new Uploads(parts.storage)
  const digest = contentDigestOf(Buffer.from('layer'), 'sha256')
  const push = async (name: string) => {
    const repository = parts.repositories.open(name)
    await uploads.finish(repository, await uploads.begin(repository), content(), 0, digest)
  }
  for (let round = 0; round < 40; round++) {
    await push('z')
    age(registry.root)
    const repository = parts.repositories.open('a')
    const [, mounted] = await Promise.all([
      collectGarbage(parts, hour),
      round % 2 === 0 ? push('a').then(() => true) : repository.mountBlob(digest, parts.repositories.open('z')),
    ])
    if (mounted) assert.equal(await repository.blobSize(digest), 5)
    age(registry.root)
    await collectGarbage(parts, hour)
    assert.equal(await repository.hasBlob(digest), false)
  }
})
