// Saving images as an archive that is both what `docker save` writes and an OCI layout.

import { formatTime } from '../lib/clock.ts'
import { invalid, system } from '../lib/errors.ts'
import { type Digest, digestOf, hexOf } from '../oci/digest.ts'
import { type Descriptor, type Platform, maximumManifestSize, mediaTypes } from '../oci/manifest.ts'
import { formatPlatform, matchesPlatform } from '../oci/platform.ts'
import { familiarName, familiarReference, parseReference } from '../oci/reference.ts'
import { endOfArchive, formatHeader, padding } from '../lib/tar/writer.ts'
import { type Image, type ImageBlob, type ImageStore, lookupName } from './store.ts'

/** An image to save, under the names that were asked for: all it has, if it was by id. */
interface Selected {
  readonly image: Image
  readonly names: readonly string[]
  readonly config: ImageBlob
  readonly manifest: ImageBlob | undefined
  /** Bottom first. */
  readonly layers: readonly ImageBlob[]
}

/**
 * The archive of the images called `names`, in pieces; layers are as they came, compressed or not. Throws `notFound` before
 * the first piece if one does not exist.
 */
export function saveImages(
  store: ImageStore,
  names: readonly string[],
  platforms: readonly Platform[] = [],
): AsyncGenerator<Buffer, void, void> {
  const selected = select(store, names)
  for (const { image } of selected) checkPlatforms(image, platforms)
  return writeArchive(store, selected)
}

function select(store: ImageStore, names: readonly string[]): Selected[] {
  const found = new Map<Digest, Set<string>>()
  for (const name of names) {
    const image = store.resolve(name)
    const own = found.get(image.id) ?? new Set()
    found.set(image.id, own)
    for (const reference of askedNames(store, image, name)) own.add(reference)
  }
  return Array.from(found, ([id, own]) => ({ image: store.resolve(id), names: [...own], ...store.partsOf(id) }))
}

// A repository alone means all its tags; an id means no name at all.
function askedNames(store: ImageStore, { id, references }: Image, name: string): string[] {
  if (id.startsWith(name) || hexOf(id).startsWith(name)) return []
  const reference = parseReference(name)
  const full = lookupName(reference)
  return reference.digest === undefined && store.rows.find(full) === id ? [full] : [...references]
}

function checkPlatforms({ config }: Image, platforms: readonly Platform[]): void {
  const own = { os: config.os ?? 'linux', architecture: config.architecture ?? '', variant: config.variant }
  if (platforms.length > 0 && !platforms.some(platform => matchesPlatform(own, platform))) {
    throw invalid(`no suitable export target found for platform ${platforms.map(formatPlatform).join(', ')}`)
  }
}

async function* writeArchive(store: ImageStore, selected: readonly Selected[]): AsyncGenerator<Buffer, void, void> {
  // What is being read must not go away meanwhile.
  await using staging = store.stage()
  const blobs = new Map(
    selected.flatMap(({ image }) => store.rows.blobs(image.id).map(part => [part.digest, part.size])),
  )
  for (const digest of blobs.keys()) staging.blobs.add(digest)
  const written = new Set<Digest>()
  const manifests: [Selected, Descriptor][] = []
  yield directory('blobs/')
  yield directory('blobs/sha256/')
  for (const item of selected) {
    const { descriptor, text } = await manifestOf(store, item)
    manifests.push([item, descriptor])
    if (!blobs.has(descriptor.digest) && !written.has(descriptor.digest)) yield* file(blobName(descriptor.digest), text)
    written.add(descriptor.digest)
  }
  for (const [digest, size] of blobs) yield* blob(store, digest, size)
  yield* file('index.json', JSON.stringify(indexOf(manifests)))
  yield* file('manifest.json', JSON.stringify(selected.map(manifestItem)))
  yield* file('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  const repositories = repositoriesOf(selected)
  if (Object.keys(repositories).length > 0) yield* file('repositories', `${JSON.stringify(repositories)}\n`)
  yield endOfArchive
  for (const { image } of selected) store.emit('save', image.id, image.id)
}

const blobName = (digest: Digest) => `blobs/sha256/${hexOf(digest)}`
const directory = (name: string) => formatHeader({ name, type: 'directory', mode: 0o755 })

function* file(name: string, text: string): Generator<Buffer, void, void> {
  const bytes = Buffer.from(text)
  yield formatHeader({ name, type: 'file', mode: 0o644, size: bytes.length })
  yield bytes
  yield padding(bytes.length)
}

async function* blob(store: ImageStore, digest: Digest, size: number): AsyncGenerator<Buffer, void, void> {
  yield formatHeader({ name: blobName(digest), type: 'file', mode: 0o644, size })
  let sent = 0
  for await (const chunk of store.blobs.open(digest)) {
    sent += (chunk as Buffer).length
    yield chunk as Buffer
  }
  if (sent !== size) throw system(`blob ${digest} has ${sent} bytes instead of ${size}`)
  yield padding(size)
}

/** The manifest the image came with, or one made of its blobs. */
async function manifestOf(store: ImageStore, { manifest, config, layers }: Selected) {
  if (manifest) {
    const bytes = await store.blobs.read(manifest.digest, maximumManifestSize)
    return { descriptor: describe(manifest), text: bytes.toString() }
  }
  const parts = { config: { ...describe(config), mediaType: mediaTypes.ociConfig }, layers: layers.map(describe) }
  const text = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, ...parts })
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(text), size: Buffer.byteLength(text) }
  return { descriptor, text }
}

const describe = ({ mediaType, digest, size }: ImageBlob): Descriptor => ({ mediaType, digest, size })

function indexOf(manifests: readonly (readonly [Selected, Descriptor])[]): object {
  const entries = manifests.flatMap(([{ image, names }, descriptor]) => {
    const { os = 'linux', architecture = '', variant } = image.config
    const entry = { ...descriptor, platform: { architecture, os, variant } }
    return names.length === 0 ? [entry] : names.map(name => ({ ...entry, annotations: annotationsOf(image, name) }))
  })
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries }
}

function annotationsOf({ createdAt }: Image, name: string): Record<string, string> {
  const { tag = '' } = parseReference(name)
  const names = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag }
  return createdAt === 0n ? names : { ...names, 'org.opencontainers.image.created': formatTime(createdAt) }
}

function manifestItem({ image, names, layers }: Selected): object {
  return {
    Config: blobName(image.id),
    RepoTags: names.length === 0 ? null : names.map(name => familiarReference(parseReference(name))),
    Layers: layers.map(({ digest }) => blobName(digest)),
  }
}

/** The form from before manifest.json: repository, tag, top layer. */
function repositoriesOf(selected: readonly Selected[]): Record<string, Record<string, string>> {
  const result: Record<string, Record<string, string>> = {}
  for (const { image, names } of selected) {
    for (const reference of names.map(parseReference)) {
      const repository = familiarName(reference)
      const top = image.config.rootfs.diff_ids.at(-1)
      result[repository] = { ...result[repository], [reference.tag ?? 'latest']: top ? hexOf(top) : '' }
    }
  }
  return result
}
