// What is said about an image in its registry: by its index, and by manifests that refer to it, such as signatures.

import type { CallOptions, Repository } from '../distribution/remote.ts'
import { invalid } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'
import { type Descriptor, isIndexType, mediaTypes, parseManifest } from '../oci/manifest.ts'
import type { IndexBlob } from './index-rows.ts'
import type { NewReferrer } from './referrer-rows.ts'
import type { ImageStore, Staging } from './store.ts'

/** Bytes that are fetched of what an index says about one image, and as many of what refers to the two. */
const maximumAttested = 64 << 20
/** What is looked at of those that refer to one manifest. */
const maximumReferrers = 64
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
  const budget = { rest: maximumAttested }
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
  budget: { rest: number },
  signal: AbortSignal,
): Promise<NewReferrer[]> {
  const listed = await parts.repository.referrers(subject, { signal })
  const wanted = new Map(listed.filter(({ mediaType }) => !isIndexType(mediaType)).map(item => [item.digest, item]))
  const found: NewReferrer[] = []
  for (const { digest } of [...wanted.values()].slice(0, maximumReferrers)) {
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
  { images, repository }: StatementParts,
  staging: Staging,
  subject: Digest,
  digest: Digest,
  budget: { rest: number },
  signal: AbortSignal,
): Promise<NewReferrer> {
  const { bytes, mediaType } = await repository.manifest(digest, { signal })
  const document = parseManifest(bytes)
  if (document.kind !== 'manifest' || document.subject?.digest !== subject)
    throw invalid(`${digest} does not refer to ${subject}`)
  const parts = [document.config, ...document.layers]
  const cost = parts.reduce((sum, { size }) => sum + size, bytes.length)
  if (cost > budget.rest) throw invalid(`${digest} is too large`)
  budget.rest -= cost
  const blobs = [await keep(images, staging, bytes)]
  for (const part of parts) blobs.push(await fetchBlob(images, repository, staging, part, signal))
  return { digest, size: bytes.length, mediaType: document.mediaType ?? (mediaType || mediaTypes.ociManifest), blobs }
}

/** Keeps an index, and what it says about the image; what of that is missing or too much is left out. */
export async function keepIndex(
  { images, repository }: StatementParts,
  staging: Staging,
  index: IndexStatements | undefined,
  { signal }: CallOptions,
): Promise<IndexBlob[]> {
  if (!index) return []
  const kept: IndexBlob[] = []
  for (const document of index.documents) kept.push(await keep(images, staging, document))
  let rest = maximumAttested
  for (const { digest } of index.attestations) {
    try {
      const { bytes } = await repository.manifest(digest, { signal })
      const document = parseManifest(bytes)
      const parts = document.kind === 'manifest' ? [document.config, ...document.layers] : []
      rest -= parts.reduce((sum, { size }) => sum + size, 0)
      if (rest < 0) break
      const blobs = [await keep(images, staging, bytes)]
      for (const part of parts) blobs.push(await fetchBlob(images, repository, staging, part, signal))
      kept.push(...blobs)
    } catch {
      signal?.throwIfAborted()
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
