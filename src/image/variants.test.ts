// Names that stand for several images, one for each platform: kept, listed, saved and removed as one.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { archive, readArchive } from '../content/testing.ts'
import { Filters } from '../lib/filters.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { hostPlatform } from '../oci/platform.ts'
import { attestations } from './attestations.ts'
import { imageHistory, inspectImage } from './inspect.ts'
import { listImages } from './list.ts'
import { loadImages } from './load.ts'
import { descriptorOf, manifestSummaries } from './manifests.ts'
import { pruneImages, removeImage, removeVariants } from './remove.ts'
import { saveImages } from './save.ts'
import type { ImageStore } from './store.ts'
import { tagImage } from './tag.ts'
import { imageStore, indexLayout, load, loadAll, pieces } from './testing.ts'

const host = hostPlatform.architecture
const architectures = ['s390x', host, 'riscv64']
const provenance = { _type: 'https://in-toto.io/Statement/v1', predicateType: 'https://slsa.dev/provenance/v1' }
const layout = indexLayout('docker.io/library/many:1', architectures, {
  'https://slsa.dev/provenance/v1': provenance,
  'https://spdx.dev/Document': { spdx: true },
})
const [s390x = '', own = '', riscv64 = ''] = layout.ids
const platform = (architecture: string) => ({ os: 'linux', architecture })
const all = { filters: new Filters(), all: true }
const save = async (store: ImageStore, ...options: [string[], { os: string; architecture: string }[]?]) =>
  Buffer.concat(await Array.fromAsync(saveImages(store, ...options)))
const names = (store: ImageStore) => listImages(store, all).map(({ Id, RepoTags }) => [Id, ...RepoTags])

test('an index is loaded with all its images under one name, this host its main one', async () => {
  await using place = await imageStore()
  const { store } = place
  assert.deepEqual(await load(store, layout.bytes()), ['Loaded image: many:1\n'])
  assert.deepEqual(names(store), [[own, 'many:1']])
  assert.equal(inspectImage(store, 'many:1').Architecture, host)
  assert.equal(inspectImage(store, 'many:1', platform('s390x')).Id, s390x)
  assert.equal(imageHistory(store, 'many:1', platform('riscv64'))[0]?.CreatedBy, 'step for riscv64')
  assert.throws(() => inspectImage(store, 'many:1', platform('arm')), {
    kind: 'notFound',
    message: 'image with reference many:1 was found but does not provide the specified platform (linux/arm)',
  })
  assert.equal(descriptorOf(store, store.resolve('many:1'))?.digest, layout.index)
})

test('the manifests of an index are listed with what is here of them, and with what is attested', async () => {
  await using place = await imageStore()
  const { store, containers } = place
  await load(store, layout.bytes())
  containers.push({ id: 'c1', image: layout.ids[2] as `sha256:${string}`, running: true })
  const summaries = await manifestSummaries(store, store.resolve('many:1'))
  assert.deepEqual(
    summaries.map(({ Kind, Available, ImageData }) => [
      Kind,
      Available,
      ImageData?.Platform.architecture,
      ImageData?.Containers,
    ]),
    [
      ['image', true, 's390x', []],
      ['image', true, host, []],
      ['image', true, 'riscv64', ['c1']],
      ['attestation', true, undefined, undefined],
    ],
  )
  assert.equal(summaries[3]?.AttestationData?.For, layout.manifests[0])
  const query = { platform: platform('s390x'), types: [], statement: true }
  const found = await attestations(store, 'many:1', query)
  assert.deepEqual(
    found.map(({ PredicateType, Statement }) => [PredicateType, Statement]),
    [
      ['https://slsa.dev/provenance/v1', provenance],
      ['https://spdx.dev/Document', { spdx: true }],
    ],
  )
  const [only, ...others] = await attestations(store, 'many:1', {
    ...query,
    types: ['https://spdx.dev/Document'],
    statement: false,
  })
  assert.equal(only?.Statement, undefined)
  assert.deepEqual(others, [])
  assert.deepEqual(await attestations(store, 'many:1', { ...query, platform: undefined }), [])
})

test('what is saved of an index is loaded elsewhere with all that is said about it', async () => {
  await using place = await imageStore()
  await load(place.store, layout.bytes())
  const saved = await save(place.store, ['many:1'])
  await using other = await imageStore()
  assert.deepEqual(await load(other.store, saved), ['Loaded image: many:1\n'])
  assert.ok((await save(other.store, ['many:1'])).equals(saved))
  const files = new Map(readArchive(saved).map(({ name, content }) => [name, content]))
  for (const [name, content] of layout.files) {
    if (name.startsWith('blobs/')) assert.ok(files.get(name)?.equals(Buffer.from(content)), name)
  }
  const one = readArchive(await save(place.store, ['many:1'], [platform('riscv64')]))
  assert.ok(!one.some(({ name }) => name.endsWith(hexOf(layout.index))))
  await using third = await imageStore()
  await load(third.store, await save(place.store, ['many:1'], [platform('riscv64')]))
  assert.deepEqual(names(third.store), [[riscv64, 'many:1']])
  await using fourth = await imageStore()
  await load(fourth.store, await save(place.store, ['many:1'], [platform('riscv64'), platform('s390x')]))
  assert.equal(descriptorOf(fourth.store, fourth.store.resolve('many:1'))?.digest, layout.index)
  const here = (await manifestSummaries(fourth.store, fourth.store.resolve('many:1'))).map(({ Available }) => Available)
  assert.deepEqual(here, [true, false, true, true])
  await assert.rejects(save(place.store, ['many:1'], [platform('riscv64'), platform('arm')]), {
    message: 'no suitable export target found for platform linux/arm',
  })
})

test('only the platforms asked for are loaded, and none is an error', async () => {
  await using place = await imageStore()
  const { store } = place
  const options = { report: () => {}, platforms: [platform('riscv64')] }
  await loadImages(store, pieces(layout.bytes()), options)
  assert.deepEqual(names(store), [[riscv64, 'many:1']])
  await assert.rejects(loadImages(store, pieces(layout.bytes()), { ...options, platforms: [platform('arm')] }), {
    message: 'no image for platform linux/arm in the archive',
  })
  await load(store, layout.bytes())
  assert.deepEqual(names(store), [[own, 'many:1']])
  assert.equal(inspectImage(store, 'many:1', platform('riscv64')).Id, riscv64)
})

test('the last name of an index takes all its images with it, and nothing is left', async () => {
  await using place = await imageStore()
  const { store } = place
  await load(store, layout.bytes())
  tagImage(store, 'many:1', 'other', 'name')
  assert.deepEqual(removeImage(store, 'many:1'), [{ Untagged: 'many:1' }])
  assert.equal(inspectImage(store, 'other:name', platform('s390x')).Id, s390x)
  const deleted = removeImage(store, 'other:name').flatMap(({ Deleted }) => Deleted ?? [])
  for (const id of layout.ids) assert.ok(deleted.includes(id))
  assert.deepEqual(store.rows.all(), [])
  assert.deepEqual(await place.left(), [])
})

test('images of an index are removed by platform; its name stands for what is left', async () => {
  await using place = await imageStore()
  const { store, containers } = place
  await load(store, layout.bytes())
  const container = { id: 'c1', image: layout.ids[0] as `sha256:${string}`, running: true }
  containers.push(container)
  assert.throws(() => removeVariants(store, 'many:1', [platform('s390x')]), { kind: 'conflict' })
  assert.throws(() => removeVariants(store, 'many:1', [platform('arm')]), { kind: 'notFound' })
  assert.throws(() => removeImage(store, 'many:1'), { kind: 'conflict' })
  containers.pop()
  assert.ok(removeVariants(store, 'many:1', [platform(host)]).some(({ Deleted }) => Deleted === own))
  assert.equal(store.resolve('many:1').id, s390x)
  const available = async () =>
    (await manifestSummaries(store, store.resolve('many:1'))).map(({ Available }) => Available)
  assert.deepEqual(await available(), [true, false, true, true])
  removeVariants(store, 'many:1', [platform('s390x'), platform('riscv64')])
  assert.deepEqual(await place.left(), [])
})

test('an index that lost its name leaves images without one, which prune removes', async () => {
  await using place = await imageStore()
  const { store } = place
  await load(store, layout.bytes())
  assert.equal(pruneImages(store, new Filters()).ImagesDeleted, null)
  await loadAll(store, { names: ['many:1'] })
  assert.equal(names(store).length, 4)
  pruneImages(store, new Filters())
  assert.equal(names(store).length, 1)
  assert.deepEqual((await place.left()).length, 3)
  await load(store, layout.bytes())
  pruneImages(store, Filters.parse('{"dangling":["false"]}'))
  assert.deepEqual(await place.left(), [])
})

test('an archive that leads to too many manifests, or to itself, is refused', async () => {
  await using place = await imageStore()
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const descriptor = { mediaType, digest: layout.manifests[0], size: 1 }
  const index = { schemaVersion: 2, manifests: Array.from({ length: 1001 }, () => descriptor) }
  const nested = JSON.stringify(index)
  const top = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: digestOf(nested), size: nested.length }
  const files = {
    'index.json': JSON.stringify({ schemaVersion: 2, manifests: [top] }),
    [`blobs/sha256/${hexOf(digestOf(nested))}`]: nested,
  }
  const bytes = archive(Object.entries(files).map(([name, content]) => ({ name, type: 'file', content })))
  await assert.rejects(load(place.store, bytes), { kind: 'invalid', message: /more than 1000 manifests/ })
  assert.deepEqual(await place.left(), [])
})
