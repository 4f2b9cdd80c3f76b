// Garbage collection while the registry serves: what no manifest needs any more goes, some time after it came.

import { type Algorithm, type ContentDigest, isContentDigest } from './digest.ts'
import { blobKey } from './layout.ts'
import { type Repositories } from './repositories.ts'
import type { Storage } from './storage.ts'

/** What a collection has removed. */
export interface Collected {
  /** Blobs that a repository had and none of its manifests needed. */
  readonly links: number
  /** Blobs that no repository had. */
  readonly blobs: number
  /** Bytes of these. */
  readonly bytes: number
}

export interface CollectorParts {
  readonly storage: Storage
  readonly repositories: Repositories
}

const algorithms: readonly Algorithm[] = ['sha256', 'sha512']

/**
 * Removes what is not needed and came more than `grace` milliseconds ago: a client that pushes an image sends blobs first
 * and names them in a manifest later. Others may serve from the same
 * storage meanwhile, if it can be shared: what is removed there can still be had for as long again. With `dryRun` it only counts.
 */
export async function collectGarbage(
  parts: CollectorParts,
  grace: number,
  { dryRun = false } = {},
): Promise<Collected> {
  const before = Date.now() - grace
  using watched = parts.repositories.watch()
  let links = 0
  const wanted = new Set<string>()
  for (const name of await parts.repositories.all()) {
    const repository = parts.repositories.open(name)
    const unused = await repository.unlinkUnused(before, { dryRun })
    links += unused.length
    for (const digest of await repository.contents()) if (!dryRun || !unused.includes(digest)) wanted.add(digest)
  }
  let blobs = 0
  let bytes = 0
  for await (const digest of storedBlobs(parts.storage)) {
    if (wanted.has(digest)) continue
    const freed = await removeBlob(parts, digest, before, dryRun ? undefined : watched.linked)
    if (freed === undefined) continue
    blobs++
    bytes += freed
  }
  const wantedKeys = new Set([...wanted].flatMap(digest => (isContentDigest(digest) ? [blobKey(digest)] : [])))
  if (dryRun) return { links, blobs, bytes }
  parts.repositories.quotas.forget()
  await parts.storage.expireRemoved?.(before, key => wantedKeys.has(key))
  return { links, blobs, bytes }
}

async function* storedBlobs(storage: Storage): AsyncGenerator<ContentDigest, void, void> {
  for (const algorithm of algorithms) {
    for (const start of await storage.list(`blobs/${algorithm}`)) {
      for (const hex of await storage.list(`blobs/${algorithm}/${start}`)) {
        const digest = `${algorithm}:${hex}`
        if (isContentDigest(digest)) yield digest
      }
    }
  }
}

/** The bytes that were freed; undefined if the blob came, or came again, too lately. Without `linked` nothing is removed. */
async function removeBlob(
  { storage, repositories }: CollectorParts,
  digest: ContentDigest,
  before: number,
  linked: ReadonlySet<string> | undefined,
): Promise<number | undefined> {
  const key = blobKey(digest)
  using _lock = await repositories.contentLocks.hold(digest)
  const modified = await storage.modified(key)
  if (modified === undefined || modified > before || linked?.has(digest)) return undefined
  const size = await storage.size(key)
  if (linked) await storage.remove(key)
  return size ?? 0
}
