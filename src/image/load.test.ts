// Loading, saving and importing: every form of archive, and nothing left of a bad one.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type TestEntry, archive, readArchive } from '../content/testing.ts'
import { type Digest, digestOf, hexOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/manifest.ts'
import { importImage } from './import.ts'
import { inspectImage } from './inspect.ts'
import { loadImages } from './load.ts'
import { saveImages } from './save.ts'
import type { ImageStore } from './store.ts'
import { type TestImage, dockerArchive, imageParts, imageStore, load, pieces } from './testing.ts'

const two: TestImage = {
  names: ['busybox:1', 'example.org/a/b:c'],
  layers: [[{ name: 'a', type: 'file', content: 'a' }], [{ name: 'b', type: 'file', content: 'b' }]],
}

test('an archive is loaded in any order of entries and any compression', async () => {
  const entries = dockerArchive([two])
  const forms: [string, Buffer][] = [
    ['plain', archive(entries)],
    ['reversed', archive(entries.toReversed())],
    ['gzip', gzipSync(archive(entries))],
    ['zstd', zstdCompressSync(archive(entries))],
    ['xz', execFileSync('xz', ['-c'], { input: archive(entries) })],
    ['bzip2', execFileSync('bzip2', ['-c'], { input: archive(entries) })],
  ]
  await using host = await imageStore()
  for (const [form, bytes] of forms) {
    const lines = await load(host.store, bytes)
    assert.deepEqual(lines, ['Loaded image: busybox:1\n', 'Loaded image: example.org/a/b:c\n'], form)
  }
  const { id } = imageParts(two)
  const image = host.store.resolve('busybox:1')
  assert.equal(image.id, id)
  assert.equal(readFileSync(`${host.store.layers.path(image.topLayer as Digest)}/b`, 'utf8'), 'b')
  const { tars } = imageParts(two)
  const expected = [id, ...tars.map(digestOf), ...image.config.rootfs.diff_ids.slice(0, 1), image.topLayer as Digest]
  assert.deepEqual((await host.left()).toSorted(), expected.map(hexOf).toSorted())
  assert.ok(host.events.includes(`load ${id}`))
})

test('layers may be links to others, as old archives have them', async () => {
  await using host = await imageStore()
  const layer = archive([{ name: 'f', type: 'file', content: 'f' }])
  const config = JSON.stringify({ os: 'linux', rootfs: { diff_ids: [digestOf(layer), digestOf(layer)] } })
  const manifest = [{ Config: 'c.json', RepoTags: ['x:y'], Layers: ['one/layer.tar', 'two/layer.tar'] }]
  const entries: TestEntry[] = [
    { name: 'manifest.json', type: 'file', content: JSON.stringify(manifest) },
    { name: 'two/layer.tar', type: 'symlink', linkName: '../one/layer.tar' },
    { name: 'one/layer.tar', type: 'file', content: layer },
    { name: 'c.json', type: 'file', content: config },
  ]
  assert.deepEqual(await load(host.store, archive(entries)), ['Loaded image: x:y\n'])
  assert.equal(host.store.resolve('x:y').size, 2)
})

function ociArchive(image: TestImage, change: (files: Map<string, Buffer>) => void = () => {}): Buffer {
  const { tars, config } = imageParts(image)
  const files = new Map<string, Buffer>()
  const add = (mediaType: string, content: Buffer) => {
    files.set(`blobs/sha256/${hexOf(digestOf(content))}`, content)
    return { mediaType, digest: digestOf(content), size: content.length }
  }
  const layers = tars.map(tar => add(`${mediaTypes.ociLayer}+gzip`, gzipSync(tar)))
  const parts = { config: add(mediaTypes.ociConfig, Buffer.from(config)), layers }
  const manifest = add(mediaTypes.ociManifest, Buffer.from(JSON.stringify({ schemaVersion: 2, ...parts })))
  const other = { ...manifest, platform: { os: 'linux', architecture: 's390x' } }
  const index = {
    schemaVersion: 2,
    manifests: [other, { ...manifest, platform: { os: 'linux', architecture: 'amd64' } }],
  }
  const nested = { ...add(mediaTypes.ociIndex, Buffer.from(JSON.stringify(index))) }
  const named = { ...nested, annotations: { 'io.containerd.image.name': 'docker.io/library/oci:1' } }
  const attestation = { ...manifest, platform: { os: 'unknown', architecture: 'unknown' } }
  files.set('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [named, attestation] })))
  change(files)
  return archive(Array.from(files, ([name, content]) => ({ name, type: 'file', content })))
}

test('an OCI layout is loaded for this platform, and its manifest kept', { skip: process.arch !== 'x64' }, async () => {
  await using host = await imageStore()
  assert.deepEqual(await load(host.store, ociArchive(two)), ['Loaded image: oci:1\n'])
  const { id } = host.store.resolve('oci:1')
  assert.equal(id, imageParts(two).id)
  const { manifest, layers } = host.store.partsOf(id)
  assert.ok(manifest && host.store.blobs.has(manifest.digest))
  assert.deepEqual(
    layers.map(({ mediaType }) => mediaType),
    Array(2).fill(`${mediaTypes.ociLayer}+gzip`),
  )
})

test('a blob that is not what its digest says is refused', async () => {
  await using host = await imageStore()
  const bad = ociArchive(two, files => {
    const name = `blobs/sha256/${hexOf(imageParts(two).id)}`
    files.set(name, Buffer.from(imageParts({ ...two, config: { Cmd: ['evil'] } }).config))
  })
  await assert.rejects(load(host.store, bad), { kind: 'invalid', message: /does not match its digest/ })
  assert.deepEqual(await host.left(), [])
})

test('an archive that is cut anywhere is refused and leaves nothing', async () => {
  await using host = await imageStore()
  const whole = archive(dockerArchive([two]), { end: false })
  for (let length = 0; length < whole.length; length += 512) {
    await assert.rejects(load(host.store, whole.subarray(0, length)), { kind: 'invalid' }, `cut at ${length}`)
  }
  const packed = gzipSync(whole)
  await assert.rejects(load(host.store, packed.subarray(0, packed.length - 9)), { message: 'gzip: unexpected EOF' })
  assert.deepEqual(await host.left(), [])
  assert.deepEqual(host.store.rows.all(), [])
})

test('a bad archive is refused in one sentence and leaves nothing', async () => {
  await using host = await imageStore()
  const { tars, config, id } = imageParts(two)
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = tars
  const item = { Config: 'c', RepoTags: ['x:y'], Layers: ['1', '2'] }
  const files = { c: config, '1': first, '2': second } as Record<string, string | Buffer>
  const bad: [unknown, typeof files, RegExp][] = [
    [[{ ...item, Layers: ['1'] }], files, /^invalid manifest, layers length mismatch: expected 1, got 2$/],
    [[{ ...item, Layers: ['2', '2'] }], files, /^invalid diffID for layer 0: expected ".*", got ".*"$/],
    [[{ ...item, Layers: ['1', '3'] }], files, /does not contain "3"$/],
    [[{ ...item, Layers: ['1', '../../etc/passwd'] }], files, /outside/],
    [[{ ...item, RepoTags: ['x'] }], files, /^invalid tag "x"$/],
    [[{ ...item, RepoTags: ['X:y'] }], files, /must be lowercase$/],
    [[{ ...item, Config: 'nothing' }], files, /does not contain "nothing"$/],
    [[{ ...item, Config: 7 }], files, /names no config/],
    [{}, files, /is not a list$/],
    [[item], { ...files, c: '{}' }, /^invalid image JSON, no RootFS key$/],
    [[item], { ...files, c: 'x' }, /^invalid image JSON$/],
    [[item], { ...files, c: config.replace('linux', 'windows') }, /^cannot load windows image on linux$/],
    [[item], { ...files, '2': gzipSync(second).subarray(0, 60) }, /^gzip: unexpected EOF$/],
    [[item], { ...files, '2': Buffer.alloc(600, 'x') }, /^archive\/tar: invalid tar header/],
    [undefined, files, /^invalid archive: does not contain a manifest.json$/],
  ]
  for (const [manifest, content, message] of bad) {
    const all = manifest === undefined ? content : { ...content, 'manifest.json': JSON.stringify(manifest) }
    const tar = archive(Object.entries(all).map(([name, body]) => ({ name, type: 'file', content: body })))
    await assert.rejects(load(host.store, tar), { kind: 'invalid', message })
    assert.deepEqual(await host.left(), [], String(message))
  }
  assert.equal(host.store.find(id), undefined)
  await assert.rejects(load(host.store, Buffer.from('not an archive at all'.repeat(50))), { kind: 'invalid' })
})

test('a full disk is said to be one, and is left as it was', async () => {
  await using host = await imageStore('1m')
  const content = Buffer.alloc(700_000, 'x')
  const inBlob = dockerArchive([{ layers: [[{ name: 'big', type: 'file', content: Buffer.alloc(2_000_000) }]] }])
  const inLayer = dockerArchive([{ layers: [[{ name: 'big', type: 'file', content }]] }])
  for (const entries of [inBlob, inLayer]) {
    await assert.rejects(load(host.store, archive(entries)), {
      kind: 'system',
      message: /^write .*: no space left on device$/,
    })
    assert.deepEqual(await host.left(), [])
  }
  assert.deepEqual(await load(host.store, archive(dockerArchive([two]))), [
    'Loaded image: busybox:1\n',
    'Loaded image: example.org/a/b:c\n',
  ])
})

test('of several images all are loaded or none', async () => {
  await using host = await imageStore()
  const other: TestImage = { names: ['other:1'], layers: [[{ name: 'o', type: 'file' }]] }
  const entries = dockerArchive([two, other])
  assert.equal((await load(host.store, archive(entries))).length, 3)
  await using empty = await imageStore()
  const broken = entries.filter(({ name }) => name !== `${hexOf(imageParts(other).id)}.json`)
  await assert.rejects(load(empty.store, archive(broken)), { kind: 'invalid' })
  assert.deepEqual(await empty.left(), [])
})

test('a name moves to the image loaded last', async () => {
  await using host = await imageStore()
  const older = imageParts({ config: { Cmd: ['old'] } }).id
  await load(host.store, archive(dockerArchive([{ names: ['a:b'], config: { Cmd: ['old'] } }])))
  const lines = await load(host.store, archive(dockerArchive([{ names: ['a:b'], config: { Cmd: ['new'] } }])))
  assert.deepEqual(lines, [
    `The image a:b already exists, renaming the old one with ID ${older} to empty string\n`,
    'Loaded image: a:b\n',
  ])
  assert.deepEqual(inspectImage(host.store, older).RepoTags, [])
  const unnamed: TestImage = { config: { Cmd: ['unnamed'] } }
  const ids = await load(host.store, archive(dockerArchive([unnamed])))
  assert.deepEqual(ids, [`Loaded image ID: ${imageParts(unnamed).id}\n`])
})

test('the progress of layers is reported', async () => {
  await using host = await imageStore()
  const lines: object[] = []
  await loadImages(host.store, pieces(archive(dockerArchive([two]))), { report: line => void lines.push(line) })
  const { tars } = imageParts(two)
  for (const tar of tars) {
    const total = tar.length
    const progress = `[${'='.repeat(50)}>] ${`${total / 1000}kB`.padStart(8)}/${total / 1000}kB`
    const id = hexOf(digestOf(tar)).slice(0, 12)
    assert.deepEqual(
      lines.find(
        line =>
          'id' in line &&
          line.id === id &&
          'progressDetail' in line &&
          (line.progressDetail as { current: number }).current === total,
      ),
      {
        status: 'Loading layer',
        progressDetail: { current: total, total },
        progress,
        id,
      },
    )
  }
})

const save = async (store: ImageStore, names: string[]) =>
  Buffer.concat(await Array.fromAsync(saveImages(store, names)))

test('what is saved can be loaded elsewhere, byte for byte', async () => {
  await using host = await imageStore()
  await load(host.store, ociArchive(two))
  await load(host.store, archive(dockerArchive([{ names: ['plain:1'] }])))
  const saved = await save(host.store, ['oci:1', 'plain:1'])
  const names = readArchive(saved).map(({ name }) => name)
  for (const name of ['index.json', 'manifest.json', 'oci-layout', 'repositories'])
    assert.ok(names.includes(name), name)
  await using other = await imageStore()
  assert.deepEqual(await load(other.store, saved), ['Loaded image: oci:1\n', 'Loaded image: plain:1\n'])
  assert.equal(other.store.resolve('oci:1').id, host.store.resolve('oci:1').id)
  assert.ok((await save(other.store, ['plain:1'])).equals(await save(host.store, ['plain:1'])))
  const layout = readArchive(saved).filter(({ name }) => name !== 'manifest.json')
  await using third = await imageStore()
  const asLayout = archive(layout.map(({ name, type, content }) => ({ name, type, content })))
  assert.deepEqual(await load(third.store, asLayout), ['Loaded image: oci:1\n', 'Loaded image: plain:1\n'])
  await assert.rejects(save(host.store, ['missing']), { kind: 'notFound', message: 'No such image: missing:latest' })
})

test('a file system is imported with changes', async () => {
  await using host = await imageStore()
  const tar = archive([
    { name: 'bin/', type: 'directory', mode: 0o755 },
    { name: 'bin/x', type: 'file', content: 'xyz' },
  ])
  const lines: object[] = []
  const options = {
    source: '-',
    repository: 'imported',
    tag: '',
    message: '',
    changes: ['CMD ["/bin/x"]', 'ENV A=1 B="two words"', 'EXPOSE 80 53/udp', 'LABEL l=v', 'WORKDIR /w', 'USER me'],
    platform: '',
    report: (line: object) => void lines.push(line),
  }
  const id = await importImage(host.store, pieces(gzipSync(tar)), options)
  assert.deepEqual(lines, [{ status: id }])
  const image = inspectImage(host.store, 'imported')
  assert.equal(image.Id, id)
  assert.equal(image.Comment, 'Imported from -')
  assert.equal(image.Size, 3)
  assert.deepEqual(image.Config, {
    Cmd: ['/bin/x'],
    Env: ['A=1', 'B=two words'],
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Labels: { l: 'v' },
    WorkingDir: '/w',
    User: 'me',
  })
  assert.deepEqual(image.RootFS.Layers, [digestOf(tar)])
  const again = await importImage(host.store, pieces(tar), { ...options, repository: '', tag: '', message: 'again' })
  assert.notEqual(again, id)
  assert.equal((await host.left()).length, 2 + 2 + 1, 'two blobs and two configs, and one layer that both share')
  const bad = { ...options, changes: ['RUN x'] }
  await assert.rejects(importImage(host.store, pieces(tar), bad), { message: 'run is not a valid change command' })
  await assert.rejects(importImage(host.store, pieces(tar.subarray(0, 700)), options), { message: /unexpected EOF/ })
  assert.equal((await host.left()).length, 5)
})
