// Pushing images: every blob as it is here, those that the registry has already left out.

import type { ProgressMessage } from '../api/types/image.ts'
import type { Repository } from '../distribution/remote.ts'
import { invalid, notFound } from '../lib/errors.ts'
import { shortId } from '../lib/ids.ts'
import type { Digest } from '../oci/digest.ts'
import {
  type Descriptor,
  type Manifest,
  type Platform,
  isIndexType,
  maximumManifestSize,
  mediaTypes,
  parseManifest,
} from '../oci/manifest.ts'
import {
  type Reference,
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  repositoryOf,
  withDefaultTag,
  withTag,
} from '../oci/reference.ts'
import { imageManifest } from './manifest-of.ts'
import { manifestSummaries } from './manifests.ts'
import { type Report, progressLine } from './progress.ts'
import type { Image, ImageStore } from './store.ts'
import type { Uploads } from './uploads.ts'
import { manifestOf, resolveVariant } from './variants.ts'

export interface PushParts {
  readonly images: ImageStore
  readonly uploads: Uploads
  readonly repository: Repository
}

export interface PushOptions {
  readonly report: Report
  /** Only the image for this platform. */
  readonly platform?: Platform
  readonly signal?: AbortSignal
}

/** What the name and the tag of a push stand for; without a tag all that the repository has. Throws `invalid`. */
export function pushedReference(name: string, tag: string): Reference {
  const { domain, path, tag: own, digest } = parseReference(name)
  if (digest !== undefined) throw invalid('cannot push a digest reference')
  return tag === '' ? { domain, path, tag: own } : withTag({ domain, path }, tag)
}

/**
 * Pushes the image with the name `reference`, or all that have a tag in its repository if it has none. Throws `notFound` in
 * dockerd's words if there is none here, and what the registry refuses.
 */
export async function pushImages(parts: PushParts, reference: Reference, options: PushOptions): Promise<void> {
  const { images } = parts
  options.report({ status: `The push refers to repository [${repositoryOf(reference)}]` })
  const all = images.rows.tagsOf(repositoryOf(reference))
  if (all.length === 0) throw notFound(`An image does not exist locally with the tag: ${familiarName(reference)}`)
  const names = reference.tag === undefined ? all : [reference]
  if (names.some(name => images.rows.find(formatReference(name)) === undefined))
    throw notFound(`tag does not exist: ${familiarReference(reference)}`)
  // Before anything is said of layers.
  await parts.repository.reach(options)
  let image: Digest | undefined
  for (const name of names) image = await pushImage(parts, name, options)
  const subject = reference.tag === undefined ? undefined : image
  images.emit('push', subject, familiarName(reference), familiarReference(reference))
}

async function pushImage(parts: PushParts, reference: Reference, options: PushOptions): Promise<Digest> {
  const { images } = parts
  const { tag = 'latest' } = withDefaultTag(reference)
  // What is being read must not go away meanwhile.
  await using staging = images.stage()
  const top = await chooseTop(images, reference, options)
  const push = new Push(parts, options, staging.blobs)
  await push.tree(top.document, tag)
  const { digest, size } = top.document
  options.report({ status: `${tag}: digest: ${digest} size: ${size}` })
  options.report({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } } as ProgressMessage)
  if (top.left !== undefined) options.report({ progressDetail: {}, aux: top.left } as ProgressMessage)
  if (top.isMade) await images.blobs.put([top.document.bytes], staging.blobs)
  remember(images, reference, top)
  return top.image.id
}

/** Where the image is, too. Nothing if it was removed meanwhile. */
function remember(images: ImageStore, reference: Reference, { image, document, index, isMade }: Top): void {
  if (!images.get(image.id) || (index !== undefined && !images.indexes.has(index))) return
  const { domain, path } = reference
  const { digest } = document
  images.rows.transaction(() => {
    if (isMade) images.rows.addManifest(formatReference(reference), image.id, document)
    images.rows.name({ domain, path, digest }, image.id, { index, manifest: digest })
  })
}

interface Document {
  readonly digest: Digest
  readonly size: number
  readonly mediaType: string
  readonly bytes: Buffer
}

interface Top {
  readonly image: Image
  readonly document: Document
  /** If all of it is pushed. */
  readonly index: Digest | undefined
  /** True if the image came without a manifest, and has one from now on. */
  readonly isMade?: boolean
  /** What the client is told if a part of an index has to stay behind. */
  readonly left?: object
}

/** All that a name stands for if it is here, or else the one image that it means. */
async function chooseTop(images: ImageStore, reference: Reference, { platform }: PushOptions): Promise<Top> {
  const name = formatReference(reference)
  const image = resolveVariant(images, name, platform)
  const index = images.indexOf(name)
  if (index && !platform) {
    const summaries = await manifestSummaries(images, image)
    if (summaries.every(({ Available }) => Available)) {
      const bytes = await images.blobs.read(index.digest, maximumManifestSize)
      return { image, document: { ...index, bytes }, index: index.digest }
    }
  }
  const digest = manifestOf(images, image.id, images.originOf(name))
  const own = digest === undefined ? await imageManifest(images, images.partsOf(image.id)) : undefined
  const bytes = own ? Buffer.from(own.text) : await images.blobs.read(digest as Digest, maximumManifestSize)
  const described = own?.descriptor ?? { digest: digest as Digest, size: bytes.length, mediaType: typeOf(bytes) }
  const document = { ...described, bytes }
  if (!index || platform) return { image, document, index: undefined, isMade: own !== undefined }
  const original = { mediaType: index.mediaType, digest: index.digest, size: index.size }
  const selected = { mediaType: document.mediaType, digest: document.digest, size: document.size }
  return {
    image,
    document,
    index: undefined,
    left: { manifestPushedInsteadOfIndex: true, originalIndex: original, selectedManifest: selected },
  }
}

const typeOf = (bytes: Buffer): string => parseManifest(bytes).mediaType ?? mediaTypes.ociManifest

/** What is sent for one name. */
class Push {
  readonly #parts: PushParts
  readonly #options: PushOptions
  readonly #hold: { add(digest: Digest): void }
  readonly #sent = new Set<Digest>()

  constructor(parts: PushParts, options: PushOptions, hold: { add(digest: Digest): void }) {
    this.#parts = parts
    this.#options = options
    this.#hold = hold
  }

  /** Sends a manifest with its blobs, or an index with its manifests, and then it itself under `name`. */
  async tree({ digest, bytes, mediaType }: Document, name: string): Promise<void> {
    this.#hold.add(digest)
    const document = parseManifest(bytes)
    if (document.kind === 'manifest') await this.#blobs(document)
    else for (const child of document.manifests) await this.tree(await this.#read(child), child.digest)
    await this.#parts.repository.pushManifest(name, bytes, mediaType, this.#options)
  }

  async #read({ digest, size, mediaType }: Descriptor): Promise<Document> {
    const bytes = await this.#parts.images.blobs.read(digest, maximumManifestSize)
    return {
      digest,
      size,
      bytes,
      mediaType: mediaType || (isIndexType(typeOf(bytes)) ? mediaTypes.ociIndex : mediaTypes.ociManifest),
    }
  }

  async #blobs({ config, layers }: Manifest): Promise<void> {
    const wanted = [...new Map([...layers, config].map(blob => [blob.digest, blob])).values()]
    const unsent = wanted.filter(({ digest }) => !this.#sent.has(digest))
    for (const { digest } of unsent) this.#hold.add(digest)
    const missing = unsent.find(({ digest }) => !this.#parts.images.blobs.has(digest))
    if (missing) throw invalid(`blob ${missing.digest} of the image is not here: pull it again`)
    const ids = new Set(layers.map(({ digest }) => digest))
    for (const { digest } of unsent) if (ids.has(digest)) this.#say(digest, 'Preparing')
    const failed = new AbortController()
    const signal = AbortSignal.any([failed.signal, ...(this.#options.signal ? [this.#options.signal] : [])])
    const work = unsent.map(async blob => {
      try {
        const said = await this.#blob(blob, signal, ids.has(blob.digest))
        if (ids.has(blob.digest)) this.#say(blob.digest, said)
        this.#sent.add(blob.digest)
      } catch (error) {
        failed.abort(error)
      }
    })
    await Promise.all(work)
    this.#options.signal?.throwIfAborted()
    if (failed.signal.aborted) throw failed.signal.reason
  }

  /** Says how the blob got there. */
  async #blob({ digest, size }: Descriptor, signal: AbortSignal, shown: boolean): Promise<string> {
    const { images, repository, uploads } = this.#parts
    const send = async () => {
      if (await repository.hasBlob(digest, { signal })) return 'Layer already exists'
      for (const from of images.rows.repositoriesWith(digest, repository.name)) {
        if (await repository.mountBlob(digest, from, { signal })) return `Mounted from ${from}`
      }
      const open = (start: number) => images.blobs.open(digest, start) as AsyncIterable<Buffer>
      const onProgress = shown ? this.#bar(digest, size) : undefined
      await repository.pushBlob({ digest, size }, open, { signal, onProgress })
      return 'Pushed'
    }
    const onWaiting = () => shown && this.#say(digest, 'Waiting')
    return await uploads.run(repository.name, digest, send, { signal, onWaiting })
  }

  #say(digest: Digest, status: string): void {
    this.#options.report({ status, progressDetail: {}, id: shortId(digest) })
  }

  #bar(digest: Digest, size: number): (bytes: number) => void {
    let reported = 0
    return bytes => {
      const now = performance.now()
      if (now - reported < reportInterval) return
      reported = now
      this.#options.report(progressLine(shortId(digest), 'Pushing', bytes, size))
    }
  }
}

/** Milliseconds between lines about the same layer. */
const reportInterval = 100
