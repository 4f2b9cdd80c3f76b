// Blobs of which a part is here: they go on where they stopped, also after a restart.

import { createHash } from 'node:crypto'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { invalid, system } from '../lib/errors.ts'
import { type Digest, hexOf } from '../oci/digest.ts'
import { Appender, isFull } from './appender.ts'
import { type Growth, abandon, grow, growth } from './growing.ts'

/** Milliseconds after which a part that nobody went on with is removed. */
const longestRest = 7 * 24 * 3600 * 1000
const chunkSize = 1 << 20

/** The parts below a data root, each in a file named by the digest that the whole has to have. */
export class PartialBlobs {
  readonly #directory: string
  readonly #open = new Map<Digest, PromiseWithResolvers<void>>()
  /** Bytes that all parts may have that nobody is going on with. */
  limit: number

  constructor(root: string, limit = Number.POSITIVE_INFINITY) {
    this.#directory = join(root, 'partial')
    this.limit = limit
  }

  /** Makes the directory, and removes parts that are old. To be called before anything else. */
  async prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    this.#tidy()
  }

  // Those that were last gone on with stay.
  #tidy(): void {
    const oldest = Date.now() - longestRest
    let rest = this.limit
    const parts = this.#paths().map(path => ({ path, ...pick(statSync(path, { throwIfNoEntry: false })) }))
    for (const { path, size, time } of parts.toSorted((a, b) => b.time - a.time)) {
      rest -= size
      if (size === 0 || rest < 0 || time < oldest) rmSync(path, { force: true })
    }
  }

  /** Removes the parts that nobody is going on with; returns the bytes freed. */
  prune(): number {
    return this.#remove(() => true)
  }

  /** Bytes of all parts. */
  get size(): number {
    return this.#paths().reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)
  }

  /**
   * Goes on with a blob of `size` bytes, from what is here of it. Only one may do so at a time. Dispose of it in any case:
   * what was written stays unless it was published or discarded.
   */
  async resume(digest: Digest, size: number): Promise<PartialBlob> {
    if (this.#open.has(digest)) throw system(`blob ${digest} is being fetched already`)
    const released = Promise.withResolvers<void>()
    this.#open.set(digest, released)
    const release = () => {
      this.#open.delete(digest)
      this.#tidy()
      released.resolve()
    }
    try {
      return await PartialBlob.open(join(this.#directory, hexOf(digest)), digest, size, release)
    } catch (error) {
      release()
      throw error
    }
  }

  /** Resolves when nobody goes on with the blob. */
  async released(digest: Digest): Promise<void> {
    while (this.#open.has(digest)) await this.#open.get(digest)?.promise
  }

  #paths(): string[] {
    const inUse = new Set(Array.from(this.#open.keys(), hexOf))
    return readdirSync(this.#directory)
      .filter(name => !inUse.has(name))
      .map(name => join(this.#directory, name))
  }

  #remove(isDoomed: (path: string) => boolean): number {
    let freed = 0
    for (const path of this.#paths().filter(isDoomed)) {
      freed += statSync(path).size
      rmSync(path, { force: true })
    }
    return freed
  }
}

const pick = (status: { readonly size: number; readonly mtimeMs: number } | undefined) => ({
  size: status?.size ?? 0,
  time: status?.mtimeMs ?? 0,
})

/** A blob of which the first `written` bytes are here. */
export class PartialBlob implements AsyncDisposable {
  readonly digest: Digest
  /** How far it has come, for who reads it meanwhile. */
  readonly growth: Growth
  /** Bytes that an earlier attempt left. */
  #found = 0
  readonly #path: string
  readonly #file: FileHandle
  readonly #appender: Appender
  readonly #closed: () => void
  readonly #size: number
  #hash = createHash('sha256')
  #written = 0
  /** Bytes that are in the file already. */
  #stored = 0
  #kept = true

  private constructor(path: string, digest: Digest, size: number, file: FileHandle, closed: () => void) {
    this.#path = path
    this.digest = digest
    this.#size = size
    this.#file = file
    this.#appender = new Appender(file, bytes => grow(this.growth, (this.#stored += bytes)))
    this.#closed = closed
    this.growth = growth(size)
  }

  /** See PartialBlobs.resume. */
  static async open(path: string, digest: Digest, size: number, closed: () => void): Promise<PartialBlob> {
    const file = await open(path, 'a+', 0o600)
    const blob = new PartialBlob(path, digest, size, file, closed)
    try {
      await blob.#readBack()
      return blob
    } catch (error) {
      await file.close()
      throw error
    }
  }

  // The hash is made of what is on the disk, not of what was once received.
  async #readBack(): Promise<void> {
    const { size } = await this.#file.stat()
    if (size > this.#size) return await this.#restart()
    const buffer = Buffer.allocUnsafe(chunkSize)
    while (this.#written < size) {
      const { bytesRead } = await this.#file.read(buffer, 0, chunkSize, this.#written)
      if (bytesRead === 0) throw system(`cannot read the part of blob ${this.digest} that is here`)
      this.#hash.update(buffer.subarray(0, bytesRead))
      this.#written += bytesRead
    }
    this.#found = this.#written
    this.#stored = this.#written
    grow(this.growth, this.#written)
  }

  /** True if a part of it came with an earlier attempt, perhaps from somewhere else. */
  get isResumed(): boolean {
    return this.#found > 0
  }

  /** Bytes that are here, or on their way to the file. */
  get written(): number {
    return this.#written
  }

  /** Where it can be read as long as this is not disposed of, whatever its name is. */
  get path(): string {
    return `/proc/self/fd/${this.#file.fd}`
  }

  /**
   * Adds bytes at the end; they must not change any more. Throws `invalid` if there are more than the blob has, `system` for a
   * full disk.
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#written + bytes.length > this.#size)
      throw invalid(`blob ${this.digest} has more than ${this.#size} bytes`)
    this.#hash.update(bytes)
    this.#written += bytes.length
    await this.#storing(this.#appender.append(bytes))
  }

  async #storing(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      // It would be in the way of everything else.
      if (isFull(error)) this.discard()
      throw error
    }
  }

  // Before anything is added.
  async #restart(): Promise<void> {
    await this.#file.truncate(0)
    this.#hash = createHash('sha256')
    this.#written = 0
  }

  /**
   * Gives the blob, which is all here, its place. Throws `invalid` if it is not what its digest says: then nothing of it is
   * kept. The caller makes the file system durable.
   */
  async publish(path: string): Promise<void> {
    const digest = `sha256:${this.#hash.copy().digest('hex')}`
    if (this.#written !== this.#size || digest !== this.digest) {
      this.#kept = false
      throw invalid(`filesystem layer verification failed for digest ${this.digest}`)
    }
    await this.#storing(this.#appender.flush())
    await rename(this.#path, path)
  }

  /** Nothing of it is kept. */
  discard(): void {
    this.#kept = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#appender.flush().catch(() => {})
    if (this.#stored < this.#size || !this.#kept) abandon(this.growth)
    if (!this.#kept) await rm(this.#path, { force: true })
    await this.#file.close()
    this.#closed()
  }
}
