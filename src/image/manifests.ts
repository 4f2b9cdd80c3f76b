// What a name stands for, manifest by manifest, as far as it is here: images for platforms, and what is said about them.

import type { Descriptor } from '../api/types/descriptor.ts'
import type { ImageManifestSummary } from '../api/types/image.ts'
import type { Digest } from '../oci/digest.ts'
import {
  type Index,
  type Manifest,
  type Descriptor as StoredDescriptor,
  isIndexType,
  maximumManifestSize,
  mediaTypes,
  parseManifest,
} from '../oci/manifest.ts'
import type { ImageIndex } from './index-rows.ts'
import type { Image, ImageStore } from './store.ts'
import { platformOf } from './variants.ts'

/** The annotations by which an attestation manifest says what it is about (BuildKit, attestation-storage.md). */
const referenceType = 'vnd.docker.reference.type'
const referenceDigest = 'vnd.docker.reference.digest'

/** The layer annotation that says what a statement states (BuildKit, attestation-storage.md). */
export const predicateType = 'in-toto.io/predicate-type'

const maximumDepth = 4

/** What the image was known by where it came from: the index that its names stand for, or its manifest. */
export function descriptorOf(store: ImageStore, image: Image): Descriptor | undefined {
  const { mediaType, digest, size } = indexOf(store, image) ?? store.partsOf(image.id).manifest ?? {}
  return mediaType === undefined || digest === undefined || size === undefined ? undefined : { mediaType, digest, size }
}

/** The index of the first of an image's names that has one. */
export function indexOf(store: ImageStore, { references, repoDigests }: Image): ImageIndex | undefined {
  for (const name of [...references, ...repoDigests]) {
    const index = store.indexes.ofName(name)
    if (index) return index
  }
  return undefined
}

/**
 * The manifests of the index that the image's names stand for, or its own, and those that refer to these; none if it came
 * without one.
 */
export async function manifestSummaries(store: ImageStore, image: Image): Promise<ImageManifestSummary[]> {
  const index = indexOf(store, image)
  const own = index ? undefined : store.partsOf(image.id).manifest
  const descriptors = index ? await manifestsOf(store, index.digest) : own ? [own] : []
  const images = new Map(
    index ? store.indexes.variants(index.digest).map(variant => [variant.manifest, variant.image]) : [],
  )
  const summaries: ImageManifestSummary[] = []
  for (const descriptor of descriptors) {
    const id = own ? image.id : images.get(descriptor.digest)
    summaries.push(await summaryOf(store, descriptor, id))
  }
  const known = new Set(descriptors.map(({ digest }) => digest))
  for (const { digest: subject } of index ? [...descriptors, index] : descriptors) {
    for (const referrer of store.referrers.of(subject)) {
      if (!known.has(referrer.digest)) summaries.push(await referrerSummary(store, referrer, subject))
    }
  }
  return summaries
}

async function referrerSummary(
  store: ImageStore,
  { digest, mediaType, size }: ImageIndex,
  subject: Digest,
): Promise<ImageManifestSummary> {
  const document = await readDocument(store, digest)
  const manifest = document?.kind === 'manifest' ? document : undefined
  const { annotations, artifactType = manifest?.config.mediaType } = manifest ?? {}
  const summary = await summaryOf(store, { digest, mediaType, size, annotations, artifactType }, undefined)
  const isStatement = manifest?.layers.some(layer => layer.annotations?.[predicateType] !== undefined) ?? false
  return isStatement ? { ...summary, Kind: 'attestation', AttestationData: { For: subject } } : summary
}

/** Finds the manifests that say something about the image whose manifest is `subject`. */
export async function attestationManifests(
  store: ImageStore,
  index: Digest,
  subject: Digest,
): Promise<StoredDescriptor[]> {
  const manifests = await manifestsOf(store, index)
  return manifests.filter(descriptor => isAttestationOf(descriptor, subject))
}

/** The manifest itself; undefined if it is not here. */
export async function readDocument(store: ImageStore, digest: Digest): Promise<Manifest | Index | undefined> {
  return store.blobs.has(digest) ? parseManifest(await store.blobs.read(digest, maximumManifestSize)) : undefined
}

/** All manifests that an index names, those of indexes within it, too. */
async function manifestsOf(store: ImageStore, index: Digest, depth = 1): Promise<StoredDescriptor[]> {
  const document = await readDocument(store, index)
  if (document?.kind !== 'index' || depth > maximumDepth) return []
  const found: StoredDescriptor[] = []
  for (const descriptor of document.manifests) {
    if (isIndexType(descriptor.mediaType)) found.push(...(await manifestsOf(store, descriptor.digest, depth + 1)))
    else found.push(descriptor)
  }
  return found
}

/** True if `descriptor` is of a manifest that says something about the image with the manifest `subject`. */
export const isAttestationOf = (descriptor: StoredDescriptor, subject: Digest): boolean =>
  isAttestation(descriptor) && subjectOf(descriptor) === subject

const isAttestation = ({ annotations }: StoredDescriptor): boolean =>
  annotations?.[referenceType] === 'attestation-manifest'
const subjectOf = ({ annotations }: StoredDescriptor): string => annotations?.[referenceDigest] ?? ''

type Described = Pick<StoredDescriptor, 'mediaType' | 'digest' | 'size' | 'platform' | 'annotations' | 'artifactType'>

async function summaryOf(
  store: ImageStore,
  descriptor: Described,
  id: Digest | undefined,
): Promise<ImageManifestSummary> {
  const image = id && store.get(id)
  const { digest, mediaType, size, platform, annotations, artifactType } = descriptor
  const document = await readDocument(store, digest)
  const parts = document?.kind === 'manifest' ? [document.config, ...document.layers] : []
  const content = [...new Map([{ digest, size }, ...parts].map(part => [part.digest, part.size])).keys()]
    .map(part => store.blobs.size(part) ?? 0)
    .reduce((sum, bytes) => sum + bytes, 0)
  const unpacked = image?.size ?? 0
  const common = {
    ID: digest,
    Descriptor: {
      mediaType: mediaType || mediaTypes.ociManifest,
      digest,
      size,
      ...(platform && { platform: { ...platform } as Descriptor['platform'] }),
      ...(annotations && { annotations: { ...annotations } }),
      ...(artifactType !== undefined && { artifactType }),
    },
    Available: document !== undefined && parts.every(part => store.blobs.has(part.digest)),
    Size: { Content: content, Total: content + unpacked },
  }
  if (isAttestation(descriptor as StoredDescriptor)) {
    return { ...common, Kind: 'attestation', AttestationData: { For: subjectOf(descriptor as StoredDescriptor) } }
  }
  const made = image ? platformOf(image.config) : platform
  if (!made || made.os === 'unknown') return { ...common, Kind: 'unknown' }
  const Containers = id ? store.usage.usedBy(id).map(container => container.id) : []
  const { architecture, os, variant } = made
  const Platform = { architecture, os, ...(variant !== undefined && { variant }) }
  return { ...common, Kind: 'image', ImageData: { Platform, Containers, Size: { Unpacked: unpacked } } }
}
