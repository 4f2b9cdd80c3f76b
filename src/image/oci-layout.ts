// Archives in the OCI image layout: index.json leads to manifests, by digest.

import type { BlobInfo, Blobs } from '../content/blobs.ts'
import { invalid } from '../lib/errors.ts'
import { hexOf } from '../oci/digest.ts'
import {
  type Descriptor,
  type Index,
  type Manifest,
  type Platform,
  isIndexType,
  maximumManifestSize,
  mediaTypes,
  parseManifest,
} from '../oci/manifest.ts'
import { formatPlatform, hostPlatform, matchesPlatform } from '../oci/platform.ts'
import { type Reference, parseReference, withDefaultTag } from '../oci/reference.ts'
import { type ArchivedImage, readConfig } from './archived-image.ts'
import type { Spool } from './spool.ts'

export const indexName = 'index.json'

const maximumDepth = 4
const configTypes: readonly string[] = [mediaTypes.ociConfig, mediaTypes.dockerConfig]

/** The images that an archive's index.json names, for the first of `platforms`, or else this host's, where there are several. */
export async function readOciLayout(
  blobs: Blobs,
  spool: Spool,
  platforms: readonly Platform[],
): Promise<ArchivedImage[]> {
  const index = parseManifest(await spool.read(indexName, maximumManifestSize))
  if (index.kind !== 'index') throw invalid('invalid archive: index.json is not an index')
  const images: ArchivedImage[] = []
  for (const descriptor of index.manifests.filter(isImage)) {
    images.push(await readImage(blobs, spool, descriptor, platforms))
  }
  return images
}

async function readImage(
  blobs: Blobs,
  spool: Spool,
  top: Descriptor,
  platforms: readonly Platform[],
): Promise<ArchivedImage> {
  const [descriptor, manifest] = await findManifest(blobs, spool, top, platforms)
  if (!configTypes.includes(manifest.config.mediaType)) {
    throw invalid(`${descriptor.digest} is not an image: its config is ${JSON.stringify(manifest.config.mediaType)}`)
  }
  const blobOf = (part: Descriptor) => ({ ...blobFile(spool, part), mediaType: part.mediaType })
  const configBlob = blobOf(manifest.config)
  return {
    ...(await readConfig(blobs, configBlob, manifest.layers.length)),
    configBlob,
    layers: manifest.layers.map(blobOf),
    manifest: { ...blobOf(descriptor), mediaType: descriptor.mediaType || mediaTypes.ociManifest },
    names: namesOf(top),
  }
}

/** Follows indexes down to the manifest for the platform. */
async function findManifest(
  blobs: Blobs,
  spool: Spool,
  top: Descriptor,
  platforms: readonly Platform[],
): Promise<[Descriptor, Manifest]> {
  let descriptor = top
  for (let depth = 0; depth < maximumDepth; depth++) {
    const document = await readDocument(blobs, spool, descriptor)
    if (document.kind === 'manifest') return [descriptor, document]
    descriptor = choose(document, platforms)
  }
  throw invalid(`invalid archive: indexes nested deeper than ${maximumDepth}`)
}

async function readDocument(blobs: Blobs, spool: Spool, descriptor: Descriptor): Promise<Manifest | Index> {
  const { digest } = blobFile(spool, descriptor)
  return parseManifest(await blobs.read(digest, maximumManifestSize), descriptor.mediaType)
}

function choose({ manifests }: Index, platforms: readonly Platform[]): Descriptor {
  const candidates = manifests.filter(isImage)
  for (const wanted of platforms.length > 0 ? platforms : [hostPlatform]) {
    const found = candidates.find(({ platform }) => platform && matchesPlatform(platform, wanted))
    if (found) return found
  }
  const [only, ...others] = candidates
  if (only && others.length === 0 && platforms.length === 0) return only
  const asked = (platforms.length > 0 ? platforms : [hostPlatform]).map(formatPlatform).join(', ')
  throw invalid(`no image for platform ${asked} in the archive`)
}

// What is said about images, such as attestations, has the platform "unknown".
const isImage = ({ platform, mediaType, artifactType }: Descriptor): boolean =>
  platform?.os !== 'unknown' &&
  artifactType === undefined &&
  (mediaType === '' || isIndexType(mediaType) || /manifest\.v[12]\+json$/.test(mediaType))

/** The file of a blob, whose content must be what the descriptor says. */
function blobFile(spool: Spool, { digest, size }: Descriptor): BlobInfo {
  const file = spool.get(`blobs/sha256/${hexOf(digest)}`)
  if (file.digest !== digest || file.size !== size)
    throw invalid(`invalid archive: blob ${digest} does not match its digest`)
  return file
}

function namesOf({ annotations }: Descriptor): Reference[] {
  const name = annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name']
  // Without a repository it is no more than a tag.
  return name !== undefined && /[:/]/.test(name) ? [withDefaultTag(parseReference(name))] : []
}
