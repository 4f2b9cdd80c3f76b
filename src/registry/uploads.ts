// Blobs as they arrive: in one piece or in chunks, over any number of requests.

import { type Hash, createHash, randomUUID } from 'node:crypto'
import { Locks } from '../lib/locks.ts'
import { type Algorithm, type ContentDigest, finished, partsOf } from './digest.ts'
import { RegistryError } from './errors.ts'
import { within } from './quotas.ts'
import type { Repository } from './repository.ts'
import type { ByteRange, Received, Storage } from './storage.ts'

/** What is known of an upload between two requests; without it, or if it is behind, all is read again at the end. */
interface Progress {
  readonly hash: Hash
  readonly algorithm: Algorithm
  /** Bytes that the hash has seen. */
  hashed: number
  /** Of the state that these make; undefined while something comes. */
  mark: string | undefined
}

/** Hashes that are kept in memory between requests. */
const mostHashes = 10_000
/** Milliseconds after which an upload that nobody goes on with is removed. */
const longestRest = 24 * 3600 * 1000

const uploadId = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

/** The uploads that are going on. One that is left alone can be gone on with after a restart. */
export class Uploads {
  readonly #storage: Storage
  readonly #locks = new Locks()
  readonly #progress = new Map<string, Progress>()

  constructor(storage: Storage) {
    this.#storage = storage
  }

  // The hash of one that is left out is made anew at its end.
  #remember(id: string, progress: Progress): void {
    this.#progress.set(id, progress)
    const [oldest] = this.#progress.keys()
    if (this.#progress.size > mostHashes && oldest !== undefined) this.#progress.delete(oldest)
  }

  /** Removes the uploads to `repositories` that nobody went on with for `age` milliseconds; returns how many those were. */
  async expire(repositories: Iterable<string>, age = longestRest): Promise<number> {
    let count = 0
    for (const name of repositories) {
      for (const id of await this.#storage.list(`repositories/${name}/_uploads`)) {
        if (await this.#expireOne(`repositories/${name}/_uploads/${id}`, id, age)) count++
      }
    }
    return count
  }

  async #expireOne(key: string, id: string, age: number): Promise<boolean> {
    using _lock = await this.#locks.hold(id)
    const received = await this.#storage.received(key)
    if (!received || Date.now() - received.modified < age) return false
    this.#progress.delete(id)
    return await this.#storage.discard(key)
  }

  #key(repository: Repository, id: string): string {
    return `repositories/${repository.name}/_uploads/${id}`
  }

  /** Begins an upload; `algorithm` is that of the digest it will probably have. Returns its id. */
  async begin(repository: Repository, algorithm: Algorithm = 'sha256'): Promise<string> {
    const id = randomUUID()
    const { mark } = await this.#storage.append(this.#key(repository, id), none(), undefined)
    this.#remember(id, { hash: createHash(algorithm), algorithm, hashed: 0, mark })
    return id
  }

  /** Bytes that have arrived. Throws BLOB_UPLOAD_UNKNOWN. */
  async size(repository: Repository, id: string): Promise<number> {
    return (await this.#received(repository, id)).size
  }

  async #received(repository: Repository, id: string): Promise<Received> {
    const received = uploadId.test(id) ? await this.#storage.received(this.#key(repository, id)) : undefined
    if (!received) throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'there is no such upload', { detail: { id } })
    return received
  }

  /**
   * Adds `source`, and returns the bytes that have arrived by then. What came before a failure is kept. Throws
   * BLOB_UPLOAD_INVALID with status 416 unless it goes on where the upload is, if the client says where: at byte `start`.
   */
  async append(
    repository: Repository,
    id: string,
    source: AsyncIterable<Uint8Array>,
    start: number | undefined,
  ): Promise<number> {
    using _lock = await this.#locks.hold(id)
    return (await this.#append(repository, id, source, start)).size
  }

  async #append(
    repository: Repository,
    id: string,
    source: AsyncIterable<Uint8Array>,
    start: number | undefined,
    digest?: ContentDigest,
  ) {
    const before = await this.#received(repository, id)
    if (start !== undefined && start !== before.size)
      throw new RegistryError('BLOB_UPLOAD_INVALID', `the upload goes on at byte ${before.size}`, { status: 416 })
    const progress = this.#progress.get(id)
    if (!isAt(progress, before)) this.#progress.delete(id)
    const known = this.#progress.get(id)
    // What would be too much is not taken in only to be refused.
    const room = (await repository.room(digest)) - before.size
    const limited = room === Number.POSITIVE_INFINITY ? source : within(source, room)
    const received = await this.#storage.append(this.#key(repository, id), watched(limited, known), before)
    if (known) known.mark = received.mark
    return received
  }

  /**
   * Ends an upload with the last of its bytes, and makes it a blob of the repository. Throws DIGEST_INVALID if it isn't
   * what it should be; the upload is gone then.
   */
  async finish(
    repository: Repository,
    id: string,
    source: AsyncIterable<Uint8Array>,
    start: number | undefined,
    digest: ContentDigest,
  ): Promise<void> {
    using _lock = await this.#locks.hold(id)
    const received = await this.#append(repository, id, source, start, digest)
    const key = this.#key(repository, id)
    const actual = await this.#digest(key, id, received, partsOf(digest).algorithm)
    this.#progress.delete(id)
    if (actual !== digest) {
      await this.#storage.discard(key)
      throw new RegistryError('DIGEST_INVALID', 'the blob has another digest', { detail: { digest: actual } })
    }
    await repository.takeBlob(key, received, digest)
  }

  async #digest(key: string, id: string, received: Received, algorithm: Algorithm): Promise<ContentDigest> {
    const progress = this.#progress.get(id)
    if (progress && progress.algorithm === algorithm && isAt(progress, received))
      return finished(progress.hash, algorithm)
    const hash = createHash(algorithm)
    for await (const chunk of this.#storage.openReceived(key, received)) hash.update(chunk)
    return finished(hash, algorithm)
  }

  /** Bytes that have come, while others come; undefined where the storage can't give them. */
  part(repository: Repository, id: string, range: ByteRange): AsyncIterable<Buffer> | undefined {
    return this.#storage.openPart?.(this.#key(repository, id), range)
  }

  /** Gives an upload up. Throws BLOB_UPLOAD_UNKNOWN. */
  async cancel(repository: Repository, id: string): Promise<void> {
    using _lock = await this.#locks.hold(id)
    await this.#received(repository, id)
    await this.#remove(repository, id)
  }

  /** Gives an upload up, if it is there. */
  async discard(repository: Repository, id: string): Promise<void> {
    using _lock = await this.#locks.hold(id)
    await this.#remove(repository, id)
  }

  async #remove(repository: Repository, id: string): Promise<void> {
    this.#progress.delete(id)
    await this.#storage.discard(this.#key(repository, id))
  }
}

// What failed, or came by another process, is not what the hash has seen.
const isAt = (progress: Progress | undefined, { size, mark }: Received) =>
  progress?.hashed === size && progress.mark === mark

async function* none(): AsyncGenerator<Uint8Array> {}

async function* watched(source: AsyncIterable<Uint8Array>, progress: Progress | undefined) {
  for await (const chunk of source) {
    yield chunk
    progress?.hash.update(chunk)
    if (progress) progress.hashed += chunk.length
  }
}
