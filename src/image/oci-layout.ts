// Archives in the OCI image layout: index.json leads to manifests, by digest.

import type { BlobInfo, Blobs } from '../content/blobs.ts'
import { invalid } from '../lib/errors.ts'
import { type Digest, hexOf } from '../oci/digest.ts'
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
import { type ArchivedImage, checkPlatform, readConfig } from './archived-image.ts'
import type { IndexBlob, NewIndex } from './index-rows.ts'
import type { Spool } from './spool.ts'
import { mainVariant, platformOf } from './variants.ts'

export const indexName = 'index.json'
/** The file that says that an archive has this form. */
export const layoutName = 'oci-layout'

const maximumDepth = 4
/** Manifests that one archive may lead to; each is read. */
const maximumManifests = 1000
const configTypes: readonly string[] = [mediaTypes.ociConfig, mediaTypes.dockerConfig]

/** What an archive has: its images, and the indexes by which names stand for several of them. */
export interface ArchivedLayout {
  readonly images: readonly ArchivedImage[]
  readonly indexes: readonly NewIndex[]
}

/**
 * The images that an archive's index.json names: all that are in it, or those for `platforms`. Throws `invalid` if it is
 * damaged, has no image, or none for one of these.
 */
export async function readOciLayout(
  blobs: Blobs,
  spool: Spool,
  platforms: readonly Platform[],
): Promise<ArchivedLayout> {
  const index = parseManifest(await spool.read(indexName, maximumManifestSize))
  if (index.kind !== 'index') throw invalid('invalid archive: index.json is not an index')
  const reader = new LayoutReader(blobs, spool, platforms)
  const found: ArchivedLayout[] = []
  for (const descriptor of index.manifests.filter(isImage)) found.push(await reader.read(descriptor))
  return { images: found.flatMap(({ images }) => images), indexes: found.flatMap(({ indexes }) => indexes) }
}

/** What one descriptor of index.json leads to. */
interface Tree {
  readonly images: ArchivedImage[]
  /** Manifests that are no images. */
  readonly attached: Descriptor[]
  readonly indexes: Descriptor[]
}

class LayoutReader {
  readonly #blobs: Blobs
  readonly #spool: Spool
  readonly #platforms: readonly Platform[]
  #manifests = 0

  constructor(blobs: Blobs, spool: Spool, platforms: readonly Platform[]) {
    this.#blobs = blobs
    this.#spool = spool
    this.#platforms = platforms
  }

  async read(top: Descriptor): Promise<ArchivedLayout> {
    const document = await this.#document(top)
    const names = namesOf(top)
    if (document.kind === 'manifest') {
      const image = { ...(await this.#image(top, document)), names }
      checkPlatform(image, this.#platforms)
      return { images: [image], indexes: [] }
    }
    const tree: Tree = { images: [], attached: [], indexes: [top] }
    await this.#walk(document, tree, 1)
    const main = mainVariant(tree.images, this.#platforms)
    if (!main) throw this.#noImage()
    const images = tree.images.map(image => (image === main ? { ...image, names, index: top.digest } : image))
    return { images, indexes: [await this.#index(top, tree)] }
  }

  async #walk(index: Index, tree: Tree, depth: number): Promise<void> {
    if (depth > maximumDepth) throw invalid(`invalid archive: indexes nested deeper than ${maximumDepth}`)
    for (const descriptor of index.manifests) {
      if (++this.#manifests > maximumManifests) {
        throw invalid(`invalid archive: it leads to more than ${maximumManifests} manifests`)
      }
      // Archives may have some of an index's images only.
      if (!this.#has(descriptor)) continue
      if (!isImage(descriptor)) tree.attached.push(descriptor)
      else await this.#take(descriptor, tree, depth)
    }
  }

  async #take(descriptor: Descriptor, tree: Tree, depth: number): Promise<void> {
    if (descriptor.platform && !this.#wants(descriptor.platform)) return
    const document = await this.#document(descriptor)
    if (document.kind === 'index') {
      tree.indexes.push(descriptor)
      await this.#walk(document, tree, depth + 1)
      return
    }
    if (!this.#has(document.config)) return
    const image = await this.#image(descriptor, document)
    if (this.#wants(platformOf(image.config))) tree.images.push(image)
  }

  #wants(platform: Platform): boolean {
    return this.#platforms.length === 0 || this.#platforms.some(wanted => matchesPlatform(platform, wanted))
  }

  #noImage() {
    const asked = (this.#platforms.length > 0 ? this.#platforms : [hostPlatform]).map(formatPlatform).join(', ')
    return invalid(`no image for platform ${asked} in the archive`)
  }

  async #image(descriptor: Descriptor, manifest: Manifest): Promise<ArchivedImage> {
    if (!configTypes.includes(manifest.config.mediaType)) {
      throw invalid(`${descriptor.digest} is not an image: its config is ${JSON.stringify(manifest.config.mediaType)}`)
    }
    const blobOf = (part: Descriptor) => ({ ...this.#file(part), mediaType: part.mediaType })
    const configBlob = blobOf(manifest.config)
    return {
      ...(await readConfig(this.#blobs, configBlob, manifest.layers.length)),
      configBlob,
      layers: manifest.layers.map(blobOf),
      manifest: { ...blobOf(descriptor), mediaType: descriptor.mediaType || mediaTypes.ociManifest },
      names: [],
    }
  }

  async #index(top: Descriptor, { images, attached, indexes }: Tree): Promise<NewIndex> {
    const variants = images.flatMap(({ configBlob, manifest }) =>
      manifest ? [{ manifest: manifest.digest, image: configBlob.digest }] : [],
    )
    const blobs: IndexBlob[] = indexes.slice(1).map(descriptor => this.#file(descriptor))
    for (const descriptor of attached) blobs.push(...(await this.#attached(descriptor)))
    const { digest, size } = this.#file(top)
    return { digest, size, mediaType: top.mediaType || mediaTypes.ociIndex, variants, blobs }
  }

  /** A manifest that says something about images, with its parts; nothing if one of them is missing. */
  async #attached(descriptor: Descriptor): Promise<IndexBlob[]> {
    const document = await this.#document(descriptor)
    if (document.kind === 'index') return [this.#file(descriptor)]
    const parts = [document.config, ...document.layers]
    return parts.every(part => this.#has(part)) ? [descriptor, ...parts].map(part => this.#file(part)) : []
  }

  async #document(descriptor: Descriptor): Promise<Manifest | Index> {
    const { digest } = this.#file(descriptor)
    return parseManifest(await this.#blobs.read(digest, maximumManifestSize), descriptor.mediaType)
  }

  #has({ digest }: Descriptor): boolean {
    return this.#spool.find(blobName(digest)) !== undefined
  }

  /** The file of a blob, whose content must be what the descriptor says. */
  #file({ digest, size }: Descriptor): BlobInfo {
    const file = this.#spool.get(blobName(digest))
    if (file.digest !== digest || file.size !== size)
      throw invalid(`invalid archive: blob ${digest} does not match its digest`)
    return file
  }
}

const blobName = (digest: Digest) => `blobs/sha256/${hexOf(digest)}`

// What is said about images, such as attestations, has the platform "unknown".
const isImage = ({ platform, mediaType, artifactType }: Descriptor): boolean =>
  platform?.os !== 'unknown' &&
  artifactType === undefined &&
  (mediaType === '' || isIndexType(mediaType) || /manifest\.v[12]\+json$/.test(mediaType))

function namesOf({ annotations }: Descriptor): Reference[] {
  const name = annotations?.['io.containerd.image.name'] ?? annotations?.['org.opencontainers.image.ref.name']
  // Without a repository it is no more than a tag.
  return name !== undefined && /[:/]/.test(name) ? [withDefaultTag(parseReference(name))] : []
}
