// What is said about an image in its registry: by its index, and by manifests that refer to it, such as signatures.

import type { CallOptions, RemoteManifest, Repository } from '../distribution/remote.ts'
import { invalid, kindOf } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'
import { type Descriptor, isIndexType, mediaTypes, parseManifest } from '../oci/manifest.ts'
import type { IndexBlob } from './index-rows.ts'
import type { NewReferrer } from './referrer-rows.ts'
import type { ImageStore, Staging } from './store.ts'

/** Bytes that are fetched of what an index says about one image, and as many of what refers to the two. */
const maximumBytes = 64 << 20
/** Blobs that these may have, as each is a request, and a file on the disk. */
const maximumBlobs = 1024
/** Manifests that are looked at of those that an index has about the image, or that refer to one manifest. */
const maximumManifests = 64
/** Milliseconds that a pull waits for them when all else is here. */
const patience = 3000

export interface StatementParts {
  readonly images: ImageStore
  readonly repository: Repository
}

/** An index, and what it has about the image that was chosen. */
export interface IndexStatements {
  /** The index and indexes within it, on the way to the manifest. */
  readonly documents: readonly Buffer[]
  /** What says something about the image. */
  readonly attestations: readonly Descriptor[]
}

/** What may yet be fetched. */
class Budget {
  #bytes = maximumBytes
  #blobs = maximumBlobs

  /** Takes what a manifest and its parts come to. Throws `invalid` if that is more than is left. */
  take(digest: Digest, manifestBytes: number, parts: readonly Descriptor[]): void {
    const bytes = parts.reduce((sum, { size }) => sum + size, manifestBytes)
    const blobs = parts.length + 1
    if (bytes > this.#bytes || blobs > this.#blobs) throw invalid(`${digest} is too large`)
    this.#bytes -= bytes
    this.#blobs -= blobs
  }
}

type Referrers = ReadonlyMap<Digest, readonly NewReferrer[]>

/**
 * Does `body`, and meanwhile brings here what refers to each of `subjects` (OCI distribution-spec, "Listing Referrers").
 * Never fails for these: those of a subject are all there, as far as the bounds go, or are not in the result.
 */
export async function withReferrers<T>(
  parts: StatementParts,
  staging: Staging,
  subjects: readonly Digest[],
  { signal }: CallOptions,
  body: () => Promise<T>,
): Promise<[T, Referrers]> {
  const stop = new AbortController()
  const asking = fetchReferrers(parts, staging, subjects, AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]))
  let timer: NodeJS.Timeout | undefined
  try {
    const result = await body()
    timer = setTimeout(() => stop.abort(), patience)
    return [result, await asking]
  } finally {
    clearTimeout(timer)
    stop.abort()
    await asking
  }
}

/** Never rejects. */
async function fetchReferrers(
  parts: StatementParts,
  staging: Staging,
  subjects: readonly Digest[],
  signal: AbortSignal,
): Promise<Referrers> {
  const found = new Map<Digest, readonly NewReferrer[]>()
  const budget = new Budget()
  const work = subjects.map(async subject => {
    found.set(subject, await referrersOf(parts, staging, subject, budget, signal))
  })
  // What could not be found out is only missing.
  await Promise.allSettled(work)
  return found
}

async function referrersOf(
  parts: StatementParts,
  staging: Staging,
  subject: Digest,
  budget: Budget,
  signal: AbortSignal,
): Promise<NewReferrer[]> {
  const listed = await parts.repository.referrers(subject, { signal })
  const wanted = new Map(listed.filter(({ mediaType }) => !isIndexType(mediaType)).map(item => [item.digest, item]))
  const found: NewReferrer[] = []
  for (const { digest } of [...wanted.values()].slice(0, maximumManifests)) {
    try {
      found.push(await fetchReferrer(parts, staging, subject, digest, budget, signal))
    } catch {
      signal.throwIfAborted()
    }
  }
  return found
}

// That it refers to the subject is its own to say, not the list's.
async function fetchReferrer(
  parts: StatementParts,
  staging: Staging,
  subject: Digest,
  digest: Digest,
  budget: Budget,
  signal: AbortSignal,
): Promise<NewReferrer> {
  const manifest = await parts.repository.manifest(digest, { signal })
  const document = parseManifest(manifest.bytes)
  if (document.kind !== 'manifest' || document.subject?.digest !== subject)
    throw invalid(`${digest} does not refer to ${subject}`)
  const blobs = await fetchStatement(parts, staging, manifest, budget, signal)
  const mediaType = document.mediaType ?? (manifest.mediaType || mediaTypes.ociManifest)
  return { digest, size: manifest.bytes.length, mediaType, blobs }
}

/** Keeps a manifest and brings its parts here. */
async function fetchStatement(
  { images, repository }: StatementParts,
  staging: Staging,
  { digest, bytes }: RemoteManifest,
  budget: Budget,
  signal: AbortSignal | undefined,
): Promise<IndexBlob[]> {
  const document = parseManifest(bytes)
  const parts = document.kind === 'manifest' ? [document.config, ...document.layers] : []
  budget.take(digest, bytes.length, parts)
  const blobs = [await keep(images, staging, bytes)]
  for (const part of parts) blobs.push(await fetchBlob(images, repository, staging, part, signal))
  return blobs
}

/**
 * Keeps an index, and what it says about the image; what of that is missing or too much is left out, and all that follows
 * one that the registry does not come out with.
 */
export async function keepIndex(
  parts: StatementParts,
  staging: Staging,
  index: IndexStatements | undefined,
  { signal }: CallOptions,
): Promise<IndexBlob[]> {
  if (!index) return []
  const kept: IndexBlob[] = []
  for (const document of index.documents) kept.push(await keep(parts.images, staging, document))
  const budget = new Budget()
  for (const { digest } of index.attestations.slice(0, maximumManifests)) {
    try {
      const manifest = await parts.repository.manifest(digest, { signal })
      kept.push(...(await fetchStatement(parts, staging, manifest, budget, signal)))
    } catch (error) {
      signal?.throwIfAborted()
      if (kindOf(error) === 'unavailable') break
    }
  }
  return kept.slice(1)
}

/** Brings a blob here, unless it is, and holds it. */
export async function fetchBlob(
  { blobs }: ImageStore,
  repository: Repository,
  staging: Staging,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<IndexBlob> {
  const { digest, size } = descriptor
  staging.blobs.add(digest)
  if (!blobs.has(digest)) {
    await blobs.put(repository.blob(descriptor, { signal }), staging.blobs, { digest, size }, { durable: false })
  }
  return { digest, size }
}

/** Keeps a document. */
export async function keep({ blobs }: ImageStore, staging: Staging, bytes: Buffer): Promise<IndexBlob> {
  return await blobs.put([bytes], staging.blobs, {}, { durable: false })
}
