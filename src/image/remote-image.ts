// One image in a registry: found by its manifests, and fetched with all that belongs to it.

import { type LayerSource, chainIds } from '../content/layers.ts'
import { beyond } from '../content/limits.ts'
import type { RemoteManifest, Repository } from '../distribution/remote.ts'
import { invalid, notFound, system } from '../lib/errors.ts'
import { shortId } from '../lib/ids.ts'
import type { Digest } from '../oci/digest.ts'
import { type ImageConfig, maximumConfigSize, parseImageConfig } from '../oci/image-config.ts'
import {
  type Descriptor,
  type Index,
  type Manifest,
  type Platform,
  isIndexType,
  mediaTypes,
  parseManifest,
} from '../oci/manifest.ts'
import { formatPlatform, hostPlatform, matchesPlatform } from '../oci/platform.ts'
import type { Download, DownloadListener, Downloads } from './downloads.ts'
import { type ImageIndex, type IndexBlob } from './index-rows.ts'
import type { NewReferrer } from './referrer-rows.ts'
import { fetchBlob, keep, keepIndex, withReferrers } from './remote-statements.ts'
import { isAttestationOf } from './manifests.ts'
import { type Report, progressLine } from './progress.ts'
import { type ImageStore, type NewImage, type Staging, createdAt } from './store.ts'

/** What a name leads to in a registry. */
export interface RemoteImage {
  /** Of the manifest. */
  readonly digest: Digest
  readonly manifest: Manifest
  readonly bytes: Buffer
  readonly mediaType: string
  /** If the name leads to one. */
  readonly index?: {
    readonly descriptor: ImageIndex
    /** The index and indexes within it, on the way to the manifest. */
    readonly documents: readonly Buffer[]
    /** What says something about the image. */
    readonly attestations: readonly Descriptor[]
  }
}

const maximumDepth = 4
const configTypes: readonly string[] = [mediaTypes.ociConfig, mediaTypes.dockerConfig]

export interface FindOptions {
  readonly platform?: Platform
  readonly signal?: AbortSignal
}

/** Follows indexes from `top` to the manifest for the platform. Throws `notFound` in dockerd's words if there is none. */
export async function findImage(
  repository: Repository,
  top: RemoteManifest,
  { platform = hostPlatform, signal }: FindOptions,
): Promise<RemoteImage> {
  let current = top
  let attestations: Descriptor[] = []
  const documents: Buffer[] = []
  for (let depth = 0; depth < maximumDepth; depth++) {
    const document = parseManifest(current.bytes, current.mediaType)
    if (document.kind === 'manifest') return imageAt(top, current, document, documents, attestations)
    documents.push(current.bytes)
    const chosen = choose(document, platform)
    attestations = document.manifests.filter(descriptor => isAttestationOf(descriptor, chosen.digest))
    current = await repository.manifest(chosen.digest, { signal })
  }
  throw invalid(`indexes nested deeper than ${maximumDepth}`)
}

function imageAt(
  top: RemoteManifest,
  { digest, bytes, mediaType }: RemoteManifest,
  manifest: Manifest,
  documents: readonly Buffer[],
  attestations: readonly Descriptor[],
): RemoteImage {
  const { config } = manifest
  if (!configTypes.includes(config.mediaType)) {
    throw invalid(`${digest} is not an image: its config is ${JSON.stringify(config.mediaType)}`)
  }
  const image = { digest, manifest, bytes, mediaType: manifest.mediaType ?? (mediaType || mediaTypes.ociManifest) }
  if (documents.length === 0) return image
  const descriptor = { digest: top.digest, size: top.bytes.length, mediaType: top.mediaType }
  return { ...image, index: { descriptor, documents, attestations } }
}

function choose({ manifests }: Index, wanted: Platform): Descriptor {
  const candidates = manifests.filter(({ platform }) => platform?.os !== 'unknown')
  const found = candidates.find(({ platform }) => platform && matchesPlatform(platform, wanted))
  // One that doesn't say what it is for is looked at itself.
  const unsaid = candidates.filter(({ platform, mediaType }) => !platform || isIndexType(mediaType))
  const chosen = found ?? (unsaid.length === 1 ? unsaid[0] : undefined)
  if (chosen) return chosen
  throw notFound(`no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`)
}

export interface FetchParts {
  readonly images: ImageStore
  readonly downloads: Downloads
  readonly repository: Repository
}

export interface FetchOptions extends FindOptions {
  readonly report: Report
}

/** An image that is here, and what belongs to its index; nothing of it is known yet. */
export interface FetchedImage {
  readonly image: NewImage
  readonly config: ImageConfig
  readonly blobs: readonly IndexBlob[]
  /** What refers to the image or its index in the registry, by what it refers to; what could not be found out is missing. */
  readonly referrers: ReadonlyMap<Digest, readonly NewReferrer[]>
}

/** Brings what is missing of an image here: its config, and its layers, unpacked. Throws `invalid` if something is not what it says. */
export async function fetchImage(
  parts: FetchParts,
  staging: Staging,
  found: RemoteImage,
  options: FetchOptions,
): Promise<FetchedImage> {
  const { digest, index } = found
  const subjects = parts.downloads.takesReferrers ? [digest, ...(index ? [index.descriptor.digest] : [])] : []
  const [content, referrers] = await withReferrers(parts, staging, subjects, options, () =>
    fetchContent(parts, staging, found, options),
  )
  return { ...content, referrers }
}

async function fetchContent(
  parts: FetchParts,
  staging: Staging,
  found: RemoteImage,
  options: FetchOptions,
): Promise<Omit<FetchedImage, 'referrers'>> {
  const { images } = parts
  const { manifest, index } = found
  const configText = await fetchConfig(parts, staging, manifest.config, options)
  const config = parseImageConfig(Buffer.from(configText))
  checkConfig(config, manifest, options.platform, index !== undefined)
  checkLayers(manifest)
  await checkRoom(images, manifest)
  const topLayer = await fetchLayers(parts, staging, found, config, options)
  const blobs = await keepIndex(parts, staging, index, options)
  const own = await keep(images, staging, found.bytes)
  const { digest, size, mediaType } = manifest.config
  const image: NewImage = {
    id: digest,
    configText,
    topLayer,
    parent: undefined,
    size: topLayer === undefined ? 0 : images.layers.chainSize(topLayer),
    createdAt: createdAt(config),
    blobs: [
      { digest, size, mediaType, kind: 'config', position: 0 },
      { ...own, mediaType: found.mediaType, kind: 'manifest', position: 0 },
      ...manifest.layers.map((layer, position) => ({
        digest: layer.digest,
        size: layer.size,
        mediaType: layer.mediaType,
        kind: 'layer' as const,
        position,
      })),
    ],
  }
  return { image, config, blobs }
}

async function fetchConfig(
  { images, repository }: FetchParts,
  staging: Staging,
  descriptor: Descriptor,
  { signal }: FetchOptions,
): Promise<string> {
  const { size } = descriptor
  if (size > maximumConfigSize) throw invalid(`the config of the image has ${size} bytes, which is too many`)
  const { digest } = await fetchBlob(images, repository, staging, descriptor, signal)
  return (await images.blobs.read(digest, maximumConfigSize)).toString()
}

function checkConfig(config: ImageConfig, { layers }: Manifest, platform: Platform | undefined, chosen: boolean) {
  const { os = 'linux', architecture = '', variant } = config
  if (os !== 'linux')
    throw invalid(`cannot download image with operating system ${JSON.stringify(os)} when requesting "linux"`)
  if (config.rootfs.diff_ids.length !== layers.length) {
    throw invalid(`image config has ${config.rootfs.diff_ids.length} layers, its manifest ${layers.length}`)
  }
  const own = { os, architecture, ...(variant && { variant }) }
  // An index has been asked for it already.
  if (platform && !chosen && !matchesPlatform(own, platform)) {
    throw notFound(
      `image was found but does not match the specified platform: wanted ${formatPlatform(platform)}, actual: ${formatPlatform(own)}`,
    )
  }
}

/** What layers are called that are archives, compressed or not (OCI image-spec layer.md, Docker's schema 2). */
const layerType =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:[+.](?:gzip|zstd|xz|bzip2))?|docker\.image\.rootfs\.(?:diff|foreign\.diff)\.tar(?:[.+](?:gzip|zstd))?)$/

function checkLayers({ layers }: Manifest): void {
  const odd = layers.find(({ mediaType }) => mediaType !== '' && !layerType.test(mediaType))
  if (odd) throw invalid(`unsupported media type ${JSON.stringify(odd.mediaType.slice(0, 200))} of layer ${odd.digest}`)
}

// A registry may say that a layer has any size, and send that much.
async function checkRoom({ blobs, layers: { limits } }: ImageStore, { layers }: Manifest): Promise<void> {
  const missing = new Map(layers.filter(({ digest }) => !blobs.has(digest)).map(layer => [layer.digest, layer.size]))
  for (const [digest, size] of missing) {
    if (size > limits.maxSize) throw beyond('maxSize', `layer ${digest} has ${size} bytes`)
  }
  const wanted = missing.values().reduce((sum, size) => sum + size, 0)
  const room = (await blobs.room()) + blobs.partial.size
  if (wanted > room) throw system(`no space left on device: the layers have ${wanted} bytes, and ${room} are free`)
}

/** Fetches and unpacks what is missing of the layers; resolves to the one on top of all. */
async function fetchLayers(
  parts: FetchParts,
  staging: Staging,
  found: RemoteImage,
  config: ImageConfig,
  options: FetchOptions,
): Promise<Digest | undefined> {
  const stale = { found: false }
  try {
    return await tryLayers(parts, staging, found, config, { ...options, stale })
  } catch (error) {
    // What an earlier attempt left was not what this one needs: it is gone now.
    if (!stale.found) throw error
    return await tryLayers(parts, staging, found, config, { ...options, stale })
  }
}

async function tryLayers(
  { images, downloads, repository }: FetchParts,
  staging: Staging,
  {
    manifest: {
      config: { digest: id },
      layers,
    },
  }: RemoteImage,
  config: ImageConfig,
  { report, signal, stale }: FetchOptions & { readonly stale: { found: boolean } },
): Promise<Digest | undefined> {
  const diffIds = config.rootfs.diff_ids
  const chain = chainIds(diffIds)
  for (const chainId of chain) staging.layers.add(chainId)
  const progress = layers.map(layer => new LayerProgress(report, layer))
  using flights = new DisposableStack()
  const fetching = new Map<Digest, Download>()
  for (const [index, layer] of layers.entries()) {
    const view = progress[index] as LayerProgress
    staging.blobs.add(layer.digest)
    const isHere = images.blobs.has(layer.digest)
    const exists = isHere && images.layers.has(chain[index] as Digest)
    // Of an image that is here already, only what is missing is spoken of.
    if (!exists || images.get(id) === undefined) view.say(exists ? 'Already exists' : 'Pulling fs layer')
    if (isHere || fetching.has(layer.digest)) continue
    fetching.set(layer.digest, flights.use(downloads.fetch(layer, repository, staging.blobs, view)))
  }
  const failed = new AbortController()
  const fetched = Promise.all(Array.from(fetching.values(), ({ done }) => done))
  fetched.catch((error: unknown) => failed.abort(error))
  const sources = layers.map(({ digest }, index): LayerSource => {
    const archive = fetching.get(digest)?.archive ?? images.blobs.path(digest)
    return { diffId: diffIds[index] as Digest, archive }
  })
  try {
    const top = await images.layers.unpack(sources, staging.layers, {
      signal: AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]),
      onProgress: (index, bytes) => progress[index]?.extracting(bytes),
      onUnpacked: index => progress[index]?.say('Pull complete'),
    })
    await fetched
    return top
  } catch (error) {
    stale.found = Array.from(fetching.values()).some(({ wasStale }) => wasStale)
    // Why a layer did not come says more than that unpacking was given up for it.
    throw failed.signal.aborted ? failed.signal.reason : error
  }
}

/** Milliseconds between lines about the same layer. */
const reportInterval = 100

/** What a client is told of one layer. */
class LayerProgress implements DownloadListener {
  readonly #report: Report
  readonly #id: string
  readonly #size: number
  #reported = 0
  #ended = false

  constructor(report: Report, { digest, size }: Descriptor) {
    this.#report = report
    this.#id = shortId(digest)
    this.#size = size
  }

  /** A line; nothing follows after the last one. */
  say(status: string): void {
    if (this.#ended) return
    this.#ended = status === 'Pull complete' || status === 'Already exists'
    this.#report({ status, progressDetail: {}, id: this.#id })
  }

  onWaiting(): void {
    this.say('Waiting')
  }

  onProgress(bytes: number): void {
    this.#bar('Downloading', bytes)
  }

  onVerifying(): void {
    this.say('Verifying Checksum')
    this.say('Download complete')
  }

  onRetry(seconds: number): void {
    this.say(`Retrying in ${seconds} second${seconds === 1 ? '' : 's'}`)
  }

  extracting(bytes: number): void {
    this.#bar('Extracting', bytes)
  }

  #bar(status: string, bytes: number): void {
    const now = performance.now()
    if (this.#ended || now - this.#reported < reportInterval) return
    this.#reported = now
    this.#report(progressLine(this.#id, status, Math.min(bytes, this.#size), this.#size))
  }
}
