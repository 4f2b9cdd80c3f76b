// Repositories that are another registry's: what is asked for is fetched once, kept, and served from then on, also while that
// registry is away.

import type { Readable } from 'node:stream'
import { RegistryError as RemoteError } from '../../distribution/errors.ts'
import type { Repository as Remote } from '../../distribution/remote.ts'
import { GantryError, messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { type Digest, isDigest } from '../../oci/digest.ts'
import { type ContentDigest, isContentDigest } from '../digest.ts'
import { type ErrorCode, RegistryError } from '../errors.ts'
import { blobKey } from '../layout.ts'
import { readManifest } from '../manifest.ts'
import type { Referrer, Repository } from '../repository.ts'
import type { Storage } from '../storage.ts'
import type { Uploads } from '../uploads.ts'
import { BlobFetch } from './blob-fetch.ts'
import { type CacheRule, type Origin, Remotes } from './remotes.ts'

export interface PullThroughParts {
  readonly storage: Storage
  readonly uploads: Uploads
  readonly log: Log
}

/** A blob on its way. */
export interface FetchedBlob {
  readonly size: number
  readonly body: Readable
  /** Resolves once it is here. Rejects with a RegistryError. */
  readonly done: () => Promise<void>
}

/** Sizes of blobs, by repository and digest, that are remembered from manifests. */
const mostSizes = 100_000

export class PullThrough implements AsyncDisposable {
  readonly #parts: PullThroughParts
  readonly #remotes: Remotes
  readonly #refreshing = new Map<string, Promise<void>>()
  readonly #fetching = new Map<string, BlobFetch>()
  readonly #sizes = new Map<string, number>()
  /** Repositories of which the manifests that were here have been read for that. */
  readonly #looked = new Set<string>()
  readonly #ending = new AbortController()

  constructor(rules: readonly CacheRule[], parts: PullThroughParts, environment: NodeJS.ProcessEnv = process.env) {
    this.#parts = parts
    this.#remotes = new Remotes(rules, environment)
  }

  /** Where a repository comes from; undefined if it is one of this registry's own. */
  of(name: string): Origin | undefined {
    return this.#remotes.of(name)
  }

  /**
   * Sees to it that a manifest is here as the other registry has it. If that can't be asked, what is here will do. Throws what
   * that registry said, or that it can't be reached.
   */
  async refresh(repository: Repository, origin: Origin, reference: string): Promise<void> {
    const key = `${repository.name} ${reference}`
    const refreshing =
      this.#refreshing.get(key) ??
      this.#refresh(repository, origin, reference).finally(() => this.#refreshing.delete(key))
    this.#refreshing.set(key, refreshing)
    await refreshing
  }

  async #refresh(repository: Repository, origin: Origin, reference: string): Promise<void> {
    const { rule, remote } = origin
    if (isContentDigest(reference)) {
      if (await repository.useManifest(reference)) return
      // sha512 is a digest that this client does not know.
      if (!isDigest(reference)) return
      const { bytes, mediaType } = await remote.manifest(reference).catch((error: unknown) => refused(error))
      return await this.#keep(repository, undefined, bytes, mediaType)
    }
    const here = await repository.tagged(reference)
    const isFresh = here !== undefined && here.modified > Date.now() - rule.fresh
    if (isFresh && (await repository.useManifest(here.digest))) return
    const signal = here && AbortSignal.timeout(rule.wait)
    try {
      const there = await remote.head(reference, { signal })
      if (!there) return void (await repository.dropTag(reference))
      if (here?.digest === there.digest && (await repository.useManifest(here.digest))) {
        return await repository.setTag(reference, here.digest)
      }
      const { bytes, mediaType } = await remote.manifest(reference, { signal })
      await this.#keep(repository, reference, bytes, mediaType)
    } catch (error) {
      this.#remotes.forget(origin)
      if (!here || !(isAway(error) || signal?.aborted) || !(await repository.useManifest(here.digest)))
        return refused(error)
      // It is used, and nobody waits for the other registry again until it is no longer fresh.
      await repository.setTag(reference, here.digest)
      this.#parts.log.warn(
        { repository: repository.name, reference, error: messageOf(error) },
        'Served what may be stale',
      )
    }
  }

  async #keep(repository: Repository, tag: string | undefined, bytes: Buffer, mediaType: string): Promise<void> {
    const { blobs } = readManifest(bytes, mediaType)
    for (const { digest, size } of blobs) this.#remember(`${repository.name} ${digest}`, size)
    await repository.keepForeign(tag, bytes, mediaType)
  }

  #remember(key: string, size: number): void {
    this.#sizes.set(key, size)
    const [oldest] = this.#sizes.keys()
    if (this.#sizes.size <= mostSizes || oldest === undefined) return
    this.#sizes.delete(oldest)
    this.#looked.clear()
  }

  /** Bytes of a blob that is not here, as a manifest here has them. Throws BLOB_UNKNOWN if none names it. */
  async blobSize(repository: Repository, digest: ContentDigest): Promise<number> {
    // By repository: another one's manifests may say anything.
    const key = `${repository.name} ${digest}`
    if (!this.#sizes.has(key)) await this.#lookInManifests(repository)
    const size = this.#sizes.get(key)
    if (size === undefined)
      throw new RegistryError('BLOB_UNKNOWN', 'no manifest of the repository names such a blob', { detail: { digest } })
    return size
  }

  // Once for each repository: whoever asks for blobs that there are not has not all manifests read each time. What comes later is
  // remembered as it comes, unless another process takes it.
  async #lookInManifests(repository: Repository): Promise<void> {
    if (this.#looked.has(repository.name)) return
    for await (const { digest, size } of repository.blobsInManifests())
      this.#remember(`${repository.name} ${digest}`, size)
    if (!this.#parts.storage.isShared) this.#looked.add(repository.name)
  }

  /** Fetches a blob that is not here, once for all who ask meanwhile, and keeps it. Throws BLOB_UNKNOWN as `blobSize` does. */
  async blob(repository: Repository, origin: Origin, digest: ContentDigest): Promise<FetchedBlob> {
    const size = await this.blobSize(repository, digest)
    if (!isDigest(digest)) throw new RegistryError('BLOB_UNKNOWN', 'blobs of other registries are named by sha256')
    const key = `${repository.name} ${digest}`
    const fetch = this.#fetching.get(key) ?? this.#fetch(repository, origin.remote, { digest, size })
    this.#fetching.set(key, fetch)
    void fetch.done.catch(() => {}).finally(() => this.#fetching.get(key) === fetch && this.#fetching.delete(key))
    fetch.done.catch(() => this.#remotes.forget(origin))
    const { storage } = this.#parts
    const stored = (start: number) => storage.open(blobKey(digest), { start, end: size - 1 }) as AsyncIterable<Buffer>
    const body = fetch.follow(stored)
    try {
      // What can't be had is said before an answer is begun.
      await Promise.race([fetch.started, fetch.done])
    } catch (error) {
      body.destroy()
      return refused(error, 'BLOB_UNKNOWN')
    }
    return { size, body, done: async () => await fetch.done.catch((error: unknown) => refused(error, 'BLOB_UNKNOWN')) }
  }

  #fetch(
    repository: Repository,
    remote: Remote,
    { digest, size }: { digest: ContentDigest & Digest; size: number },
  ): BlobFetch {
    const { uploads } = this.#parts
    const { signal } = this.#ending
    let id: string | undefined
    return new BlobFetch(
      { remote, digest, size, signal },
      {
        async keep(source) {
          id = await uploads.begin(repository)
          try {
            await uploads.finish(repository, id, source, undefined, digest)
          } catch (error) {
            await uploads.discard(repository, id)
            throw error
          }
        },
        part: (start, end) => (id === undefined ? undefined : uploads.part(repository, id, { start, end })),
      },
    )
  }

  /** The tags that the other registry has; those that are here if it can't be asked. */
  async tags(repository: Repository, { remote }: Origin): Promise<string[]> {
    try {
      return (await Array.fromAsync(remote.tags())).toSorted()
    } catch (error) {
      if (!isAway(error)) return refused(error)
      return await repository.tags()
    }
  }

  /** What the other registry has about a manifest; undefined if it can't be asked: then what is here of that will do. */
  async referrers({ rule, remote }: Origin, subject: ContentDigest): Promise<Referrer[] | undefined> {
    if (!isDigest(subject)) return undefined
    const signal = AbortSignal.timeout(rule.wait)
    try {
      const found = await remote.referrers(subject, { signal })
      return found.map(({ mediaType, digest, size, artifactType, annotations }) => {
        return { mediaType, digest, size, artifactType, annotations }
      })
    } catch (error) {
      if (isAway(error) || signal.aborted) return undefined
      return refused(error)
    }
  }

  /** Ends it. What is being fetched is given up, and nothing is written afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await Promise.allSettled([...this.#fetching.values()].map(({ done }) => done))
    await this.#remotes[Symbol.asyncDispose]()
  }
}

/** It can't be reached, or has no time: another attempt may succeed. */
function isAway(error: unknown): boolean {
  if (error instanceof RemoteError) return error.status === 429 || error.status >= 500
  return error instanceof GantryError && error.kind === 'unavailable'
}

/** Tells the client what the other registry said. */
function refused(error: unknown, missing: ErrorCode = 'MANIFEST_UNKNOWN'): never {
  const message = messageOf(error)
  if (error instanceof RemoteError) {
    if (error.status === 404) throw new RegistryError(missing, message)
    if (error.status === 429) throw new RegistryError('TOOMANYREQUESTS', message)
    if (error.status === 401 || error.status === 403) throw new RegistryError('DENIED', message, { status: 403 })
  }
  if (error instanceof GantryError) throw new RegistryError('UNKNOWN', message, { status: 502 })
  throw error
}
