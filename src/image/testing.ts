// What the tests of this folder share: an image store in a directory of its own, and archives to load.

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { Blobs } from '../content/blobs.ts'
import { Layers } from '../content/layers.ts'
import { WorkerPool } from '../content/pool.ts'
import { type TestEntry, archive, temporaryDirectory } from '../content/testing.ts'
import { gzipSync } from 'node:zlib'
import type { ProgressMessage } from '../api/types/image.ts'
import { systemClock } from '../lib/clock.ts'
import { type Digest, digestOf, hexOf } from '../oci/digest.ts'
import type { ExecutionConfig } from '../oci/image-config.ts'
import { mediaTypes } from '../oci/manifest.ts'
import { Database } from '../state/database.ts'
import { loadImages } from './load.ts'
import { ImageStore, type ImageUsage } from './store.ts'

export interface TestContainer {
  readonly id: string
  readonly image: Digest
  readonly running: boolean
}

/** An empty store, on a disk of `diskSize` if that is given (such as `1m`); `left` is what files its directory holds. */
export async function imageStore(diskSize?: string) {
  const stack = new AsyncDisposableStack()
  const directory = stack.use(temporaryDirectory())
  if (diskSize !== undefined) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskSize}`, 'none', directory.path])
    stack.defer(() => void execFileSync('umount', [directory.path]))
  }
  const pool = stack.use(new WorkerPool({ size: 2 }))
  const database = stack.use(Database.open(':memory:'))
  const root = directory.path
  const blobs = new Blobs(root)
  const layers = new Layers({ root, database, pool })
  await blobs.prepare()
  await layers.prepare()
  const containers: TestContainer[] = []
  const events: string[] = []
  const usage: ImageUsage = {
    usedBy: id => containers.filter(({ image }) => image === id),
    layersInUse: () => [],
  }
  const emit = (action: string, _id: unknown, name: string) => void events.push(`${action} ${name}`)
  const store = new ImageStore({ root, database, blobs, layers, pool, clock: systemClock, usage, events: emit })
  return {
    store,
    database,
    directory,
    containers,
    events,
    /** Names of all files in the store, once what is being removed is gone. */
    async left(): Promise<string[]> {
      await layers.settled()
      return ['blobs/sha256', 'layers', 'tmp', 'partial'].flatMap(name => readdirSync(directory.join(name)))
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Pieces of a request's body. */
export async function* pieces(bytes: Buffer, size = 50_000): AsyncGenerator<Buffer, void, void> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size)
}

export interface TestImage {
  readonly names?: readonly string[]
  readonly layers?: readonly (readonly TestEntry[])[]
  readonly config?: ExecutionConfig
  readonly created?: string
}

/** The parts of an image: its config and its layers, uncompressed. */
export function imageParts({ layers = [[{ name: 'file', type: 'file', content: 'x' }]], config, created }: TestImage) {
  const tars = layers.map(entries => archive(entries))
  const text = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    created: created ?? '2024-01-02T03:04:05.6Z',
    config: config ?? { Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
    history: tars.map((_, index) => ({ created_by: `step ${index}`, created: '2024-01-01T00:00:00Z' })),
  })
  return { tars, config: text, id: digestOf(text) }
}

/** Entries of an archive as old versions of `docker save` wrote them. */
export function dockerArchive(images: readonly TestImage[]): TestEntry[] {
  const manifest: object[] = []
  const entries = images.flatMap(image => {
    const { tars, config, id } = imageParts(image)
    const layers = tars.map(tar => `${hexOf(digestOf(tar))}/layer.tar`)
    manifest.push({ Config: `${hexOf(id)}.json`, RepoTags: image.names ?? null, Layers: layers })
    const files = tars.map((content, index): TestEntry => ({ name: layers[index] ?? '', type: 'file', content }))
    return [...files, { name: `${hexOf(id)}.json`, type: 'file', content: config } as const]
  })
  return [...entries, { name: 'manifest.json', type: 'file', content: JSON.stringify(manifest) }]
}

/** Loads an archive and returns the lines of the answer that are not about progress. */
export async function load(store: ImageStore, bytes: Buffer): Promise<string[]> {
  const lines: ProgressMessage[] = []
  await loadImages(store, pieces(bytes), { report: line => void lines.push(line) })
  return lines.flatMap(line => line.stream ?? [])
}

/** Loads images that the test describes; returns their ids. */
export async function loadAll(store: ImageStore, ...images: TestImage[]): Promise<Digest[]> {
  return await loadImages(store, pieces(archive(dockerArchive(images))), { report: () => {} })
}

/** What a statement about an image says, by its predicate type. */
export type TestStatements = Readonly<Record<string, object>>

/**
 * Files of an OCI layout with one index called `name`: an image for each of `architectures`, and what `statements` says
 * about the first of them.
 */
export function indexLayout(name: string, architectures: readonly string[], statements: TestStatements = {}) {
  const files = new Map<string, string | Buffer>()
  const add = (mediaType: string, content: string | Buffer, more: object = {}) => {
    const digest = digestOf(content)
    files.set(`blobs/sha256/${hexOf(digest)}`, content)
    return { mediaType, digest, size: Buffer.byteLength(content), ...more }
  }
  const manifest = (parts: object, more: object) =>
    add(mediaTypes.ociManifest, JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, ...parts }), more)
  const images = architectures.map(architecture => {
    const tar = archive([{ name: 'architecture', type: 'file', content: architecture }])
    const text = JSON.stringify({
      architecture,
      os: 'linux',
      created: '2024-01-02T03:04:05Z',
      config: { Cmd: [architecture] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      history: [{ created_by: `step for ${architecture}` }],
    })
    const config = add(mediaTypes.ociConfig, text)
    const layers = [add(`${mediaTypes.ociLayer}+gzip`, gzipSync(tar))]
    const descriptor = manifest({ config, layers }, { platform: { os: 'linux', architecture } })
    return { descriptor, id: config.digest }
  })
  const layers = Object.entries(statements).map(([type, statement]) =>
    add('application/vnd.in-toto+json', JSON.stringify(statement), {
      annotations: { 'in-toto.io/predicate-type': type },
    }),
  )
  const about = {
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': images[0]?.descriptor.digest,
    },
  }
  const attested = layers.length > 0 ? [manifest({ config: add(mediaTypes.ociConfig, '{}'), layers }, about)] : []
  const manifests = [...images.map(({ descriptor }) => descriptor), ...attested]
  const index = add(
    mediaTypes.ociIndex,
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
  )
  const named = { ...index, annotations: { 'io.containerd.image.name': name } }
  files.set('index.json', JSON.stringify({ schemaVersion: 2, manifests: [named] }))
  files.set('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  const bytes = () => archive(Array.from(files, ([file, content]) => ({ name: file, type: 'file', content })))
  return {
    files,
    bytes,
    index: index.digest,
    ids: images.map(({ id }) => id),
    manifests: images.map(({ descriptor }) => descriptor.digest),
  }
}
