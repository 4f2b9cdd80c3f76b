// Repositories that are another registry's: what is asked for is fetched once, kept, and served from then on, also while that
// registry is away.

import { Readable } from 'node:stream'
import { RegistryError as RemoteError } from '../../distribution/errors.ts'
import { GantryError, messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { isDigest } from '../../oci/digest.ts'
import { type ContentDigest, isContentDigest } from '../digest.ts'
import { RegistryError } from '../errors.ts'
import { blobKey } from '../layout.ts'
import { readManifest } from '../manifest.ts'
import type { Repository } from '../repository.ts'
import type { RetentionRule } from '../retention.ts'
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

/** Sizes of blobs by digest that are remembered from manifests. */
const mostSizes = 100_000

export class PullThrough implements AsyncDisposable {
  readonly #parts: PullThroughParts
  readonly #rules: readonly CacheRule[]
  readonly #remotes: Remotes
  readonly #refreshing = new Map<string, Promise<void>>()
  readonly #fetching = new Map<string, BlobFetch>()
  readonly #sizes = new Map<string, number>()

  constructor(rules: readonly CacheRule[], parts: PullThroughParts, environment: NodeJS.ProcessEnv = process.env) {
    this.#rules = rules
    this.#parts = parts
    this.#remotes = new Remotes(rules, environment)
  }

  /** Where a repository comes from; undefined if it is one of this registry's own. */
  of(name: string): Origin | undefined {
    return this.#remotes.of(name)
  }

  /** What is kept of caches is kept by its last use. */
  get retention(): RetentionRule[] {
    return this.#rules.flatMap(({ prefix, keep }) =>
      keep === undefined
        ? []
        : [
            {
              repository: prefix === '' ? '**' : `${prefix}/**`,
              tags: ['**'],
              keep: undefined,
              olderThan: keep,
              untagged: keep,
            },
          ],
    )
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

  async #refresh(repository: Repository, { rule, remote }: Origin, reference: string): Promise<void> {
    if (isContentDigest(reference)) {
      if (await repository.useManifest(reference)) return
      // sha512 is a digest that this client does not know.
      if (!isDigest(reference)) return
      const { bytes, mediaType } = await remote.manifest(reference).catch(refused)
      return await this.#keep(repository, undefined, bytes, mediaType)
    }
    const here = await repository.tagged(reference)
    if (here && here.modified > Date.now() - rule.fresh) return
    try {
      const there = await remote.head(reference)
      if (!there) return void (await repository.dropTag(reference))
      if (here?.digest === there.digest && (await repository.useManifest(here.digest))) {
        return await repository.setTag(reference, here.digest)
      }
      const { bytes, mediaType } = await remote.manifest(reference)
      await this.#keep(repository, reference, bytes, mediaType)
    } catch (error) {
      if (!here || !isAway(error)) return refused(error)
      this.#parts.log.warn(
        { repository: repository.name, reference, error: messageOf(error) },
        'Served what may be stale',
      )
    }
  }

  async #keep(repository: Repository, tag: string | undefined, bytes: Buffer, mediaType: string): Promise<void> {
    const { blobs } = readManifest(bytes, mediaType)
    for (const { digest, size } of blobs) this.#remember(digest, size)
    await repository.keepForeign(tag, bytes, mediaType)
  }

  #remember(digest: string, size: number): void {
    this.#sizes.set(digest, size)
    const [oldest] = this.#sizes.keys()
    if (this.#sizes.size > mostSizes && oldest !== undefined) this.#sizes.delete(oldest)
  }

  /** Bytes of a blob that is not here, as a manifest here has them. Throws BLOB_UNKNOWN if none names it. */
  async blobSize(repository: Repository, digest: ContentDigest): Promise<number> {
    const size = this.#sizes.get(digest) ?? (await repository.sizeInManifests(digest))
    if (size === undefined)
      throw new RegistryError('BLOB_UNKNOWN', 'no manifest of the repository names such a blob', { detail: { digest } })
    this.#remember(digest, size)
    return size
  }

  /** Fetches a blob that is not here, once for all who ask meanwhile, and keeps it. Throws BLOB_UNKNOWN as `blobSize` does. */
  async blob(repository: Repository, { remote }: Origin, digest: ContentDigest): Promise<FetchedBlob> {
    const size = await this.blobSize(repository, digest)
    if (!isDigest(digest)) throw new RegistryError('BLOB_UNKNOWN', 'blobs of other registries are named by sha256')
    const key = `${repository.name} ${digest}`
    const fetch =
      this.#fetching.get(key) ??
      new BlobFetch(remote, { digest, size }, source => this.#take(repository, digest, source))
    this.#fetching.set(key, fetch)
    void fetch.done.catch(() => {}).finally(() => this.#fetching.get(key) === fetch && this.#fetching.delete(key))
    const { storage } = this.#parts
    const stored = (start: number) => storage.open(blobKey(digest), { start, end: size - 1 }) as AsyncIterable<Buffer>
    const body = Readable.from(fetch.follow(stored), { objectMode: false })
    try {
      // What can't be had is said before an answer is begun.
      await Promise.race([fetch.started, fetch.done])
    } catch (error) {
      body.destroy()
      return refused(error)
    }
    return { size, body, done: async () => await fetch.done.catch(refused) }
  }

  async #take(repository: Repository, digest: ContentDigest, source: AsyncIterable<Uint8Array>): Promise<void> {
    const { uploads } = this.#parts
    const id = await uploads.begin(repository)
    try {
      await uploads.finish(repository, id, source, undefined, digest)
    } catch (error) {
      await uploads.discard(repository, id)
      throw error
    }
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remotes[Symbol.asyncDispose]()
  }
}

/** It can't be reached, or has no time: another attempt may succeed. */
function isAway(error: unknown): boolean {
  if (error instanceof RemoteError) return error.status === 429 || error.status >= 500
  return error instanceof GantryError && error.kind === 'unavailable'
}

/** Tells the client what the other registry said. */
function refused(error: unknown): never {
  const message = messageOf(error)
  if (error instanceof RemoteError) {
    if (error.status === 404) throw new RegistryError('MANIFEST_UNKNOWN', message)
    if (error.status === 429) throw new RegistryError('TOOMANYREQUESTS', message)
    if (error.status === 401 || error.status === 403) throw new RegistryError('DENIED', message, { status: 403 })
  }
  if (error instanceof GantryError) throw new RegistryError('UNKNOWN', message, { status: 502 })
  throw error
}
