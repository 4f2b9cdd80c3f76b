// Saving images as an archive that is both what `docker save` writes and an OCI layout.

import { formatTime } from '../lib/clock.ts'
import { invalid, system } from '../lib/errors.ts'
import { type Digest, hexOf } from '../oci/digest.ts'
import { type Descriptor, type Platform, mediaTypes } from '../oci/manifest.ts'
import { formatPlatform } from '../oci/platform.ts'
import { familiarName, familiarReference, parseReference } from '../oci/reference.ts'
import { endOfArchive, formatHeader, padding } from '../lib/tar/writer.ts'
import type { ImageIndex, IndexBlob } from './index-rows.ts'
import { type Image, type ImageBlob, type ImageStore, lookupName } from './store.ts'
import { describe, imageManifest } from './manifest-of.ts'
import { forPlatform, manifestOf, variantsOf } from './variants.ts'

/** An image to save, under the names that were asked for: all it has, if it was by id. */
interface Selected {
  readonly image: Image
  readonly names: readonly string[]
  readonly config: ImageBlob
  /** The one that the names were given with, or else the image's. */
  readonly manifest: ImageBlob | undefined
  /** Bottom first. */
  readonly layers: readonly ImageBlob[]
  /** What the names stand for, unless it is one image only. */
  readonly index: ImageIndex | undefined
  /** The other images of the index. */
  readonly others: readonly Image[]
}

/**
 * The archive of the images called `names`, in pieces; layers are as they came, compressed or not. A name that stands for
 * several images gives them all, or those for `platforms`; of a single platform, that image by itself. Throws `notFound`
 * before the first piece if one does not exist, or not for a platform.
 */
export function saveImages(
  store: ImageStore,
  names: readonly string[],
  platforms: readonly Platform[] = [],
): AsyncGenerator<Buffer, void, void> {
  return writeArchive(store, select(store, names, platforms))
}

function select(store: ImageStore, names: readonly string[], platforms: readonly Platform[]): Selected[] {
  const found = new Map<string, Chosen & { readonly names: Set<string> }>()
  for (const name of names) {
    const chosen = choose(store, name, platforms)
    const key = `${chosen.image.id} ${chosen.index?.digest ?? chosen.named ?? ''}`
    const item = found.get(key) ?? { ...chosen, names: new Set<string>() }
    found.set(key, item)
    for (const reference of askedNames(store, chosen.image, name)) item.names.add(reference)
  }
  return Array.from(found.values(), item => {
    const parts = store.partsOf(item.image.id)
    const named = store.rows.blobs(item.image.id).find(({ digest }) => digest === item.named)
    return { ...item, names: [...item.names], ...parts, manifest: named ?? parts.manifest }
  })
}

type Chosen = Pick<Selected, 'image' | 'index' | 'others'> & { readonly named: Digest | undefined }

function choose(store: ImageStore, name: string, platforms: readonly Platform[]): Chosen {
  const all = variantsOf(store, name)
  const wanted = platforms.length > 0 ? platforms.map(platform => wantedVariant(all, platform)) : all
  const [image, ...others] = new Set(wanted)
  if (!image) throw system(`image ${name} has no variant`)
  const index = platforms.length === 1 ? undefined : store.indexOf(name)
  return { image, others, index, named: manifestOf(store, image.id, store.originOf(name)) }
}

function wantedVariant(images: readonly Image[], platform: Platform): Image {
  const found = forPlatform(images, platform)
  if (!found) throw invalid(`no suitable export target found for platform ${formatPlatform(platform)}`)
  return found
}

// A repository alone means all its tags; an id means no name at all.
function askedNames(store: ImageStore, { id, references }: Image, name: string): string[] {
  if (id.startsWith(name) || hexOf(id).startsWith(name)) return []
  const reference = parseReference(name)
  const full = lookupName(reference)
  return reference.digest === undefined && store.rows.find(full) !== undefined ? [full] : [...references]
}

async function* writeArchive(store: ImageStore, selected: readonly Selected[]): AsyncGenerator<Buffer, void, void> {
  // What is being read must not go away meanwhile.
  await using staging = store.stage()
  const blobs = new Map(selected.flatMap(item => contentOf(store, item)).map(part => [part.digest, part.size]))
  for (const digest of blobs.keys()) staging.blobs.add(digest)
  const written = new Set<Digest>()
  const manifests: [Selected, Descriptor][] = []
  yield directory('blobs/')
  yield directory('blobs/sha256/')
  for (const [digest, size] of blobs) yield* blob(store, digest, size)
  for (const item of selected) {
    const { descriptor, text } = await imageManifest(store, item)
    manifests.push([item, item.index ? describe(item.index) : descriptor])
    if (!blobs.has(descriptor.digest) && !written.has(descriptor.digest)) yield* file(blobName(descriptor.digest), text)
    written.add(descriptor.digest)
  }
  yield* file('index.json', JSON.stringify(indexOf(manifests)))
  yield* file('manifest.json', JSON.stringify(selected.map(manifestItem)))
  yield* file('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  const repositories = repositoriesOf(selected)
  if (Object.keys(repositories).length > 0) yield* file('repositories', `${JSON.stringify(repositories)}\n`)
  yield endOfArchive
  for (const { image } of selected) store.emit('save', image.id, image.id)
}

/** The blobs that are here of what was selected. */
function contentOf(store: ImageStore, { image, others, index }: Selected): IndexBlob[] {
  const images = [image, ...others].flatMap(({ id }) => store.rows.blobs(id))
  return index ? [...images, ...store.indexes.blobs(index.digest)] : images
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

function indexOf(manifests: readonly (readonly [Selected, Descriptor])[]): object {
  const entries = manifests.flatMap(([{ image, names, index }, descriptor]) => {
    const { os = 'linux', architecture = '', variant } = image.config
    const entry = index ? descriptor : { ...descriptor, platform: { architecture, os, variant } }
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
