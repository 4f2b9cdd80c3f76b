// Blobs: compressed layers, configurations and manifests as they came, each in a file named by its digest.

import { createHash } from 'node:crypto'
import { type ReadStream, createReadStream, readdirSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { invalid, notFound } from '../lib/errors.ts'
import { randomIds } from '../lib/ids.ts'
import { type Digest, hexOf, isDigest } from '../oci/digest.ts'
import { Appender } from './appender.ts'
import { type Hold, Holds } from './holds.ts'
import { type PartialBlob, PartialBlobs } from './partial.ts'

export interface BlobInfo {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/** What is known of a blob before it arrives. */
export interface ExpectedBlob {
  readonly digest?: Digest
  /** Bytes; more are not read. */
  readonly size?: number
}

export interface StoreOptions {
  /** False if the caller makes the whole file system durable before it acknowledges anything. */
  readonly durable?: boolean
}

/** The blobs below a data root. A blob is there completely or not at all. */
export class Blobs {
  readonly #directory: string
  readonly #temporary: string
  readonly #holds = new Holds<Digest>()
  /** Blobs that are being fetched, or will be gone on with. */
  readonly partial: PartialBlobs

  /** `partialLimit`: see PartialBlobs.limit. */
  constructor(root: string, partialLimit?: number) {
    this.partial = new PartialBlobs(root, partialLimit)
    this.#directory = join(root, 'blobs', 'sha256')
    this.#temporary = join(root, 'tmp')
  }

  /** Makes the directories. To be called before anything else. */
  async prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    await mkdir(this.#temporary, { recursive: true, mode: 0o700 })
    await this.partial.prepare()
  }

  /** The file of a blob, there or not. */
  path(digest: Digest): string {
    return join(this.#directory, hexOf(digest))
  }

  has(digest: Digest): boolean {
    return this.size(digest) !== undefined
  }

  /** Bytes; undefined if there is no such blob. */
  size(digest: Digest): number | undefined {
    return statSync(this.path(digest), { throwIfNoEntry: false })?.size
  }

  /** Bytes that the disk has room for. */
  async room(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#directory)
    return bavail * bsize
  }

  /** The blob's bytes, from `start` on. */
  open(digest: Digest, start = 0): ReadStream {
    return createReadStream(this.path(digest), { start, highWaterMark: 1 << 20 })
  }

  /** All of a blob of at most `maximum` bytes. Throws `notFound`, or `invalid` if it is larger. */
  async read(digest: Digest, maximum: number): Promise<Buffer> {
    const size = this.size(digest)
    if (size === undefined) throw notFound(`blob ${digest} not found`)
    if (size > maximum) throw invalid(`blob ${digest} of ${size} bytes is too large`)
    return await readFile(this.path(digest))
  }

  /** Keeps blobs from being collected until it is disposed of. */
  hold(): Hold<Digest> {
    return this.#holds.acquire()
  }

  /**
   * Stores the bytes of `source`, which must not change any more, durably and holds them. Throws `invalid` if they are not
   * what was expected; nothing is left then.
   */
  async put(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    hold: Hold<Digest>,
    expected: ExpectedBlob = {},
    options: StoreOptions = {},
  ): Promise<BlobInfo> {
    await using writer = await this.writer()
    for await (const chunk of source) {
      await writer.write(chunk)
      if (expected.size !== undefined && writer.size > expected.size) break
    }
    return await writer.commit(hold, expected, options)
  }

  /** Takes over a blob of which all is here, and holds it; it is durable once the store is synced. Throws as publish does. */
  async adopt(blob: PartialBlob, hold: Hold<Digest>): Promise<void> {
    // Held first, as in BlobWriter.commit.
    hold.add(blob.digest)
    await blob.publish(this.path(blob.digest))
  }

  /** Starts a blob whose digest is known only at its end. Dispose of the writer in any case. */
  async writer(): Promise<BlobWriter> {
    const path = join(this.#temporary, `blob-${randomIds.next()}`)
    return new BlobWriter(await open(path, 'wx', 0o600), path, digest => this.path(digest))
  }

  /** Deletes those of `digests` that are neither held nor `referenced`; returns the bytes freed. Must not be awaited in between. */
  collect(digests: Iterable<Digest>, referenced: (digest: Digest) => boolean): number {
    let freed = 0
    for (const digest of digests) {
      if (this.#holds.has(digest) || referenced(digest)) continue
      freed += this.size(digest) ?? 0
      rmSync(this.path(digest), { force: true })
    }
    return freed
  }

  /** After a start: removes what an earlier run left unfinished, and blobs that no row mentions. Changes nothing the second time. */
  async recover(referenced: (digest: Digest) => boolean): Promise<void> {
    for (const name of readdirSync(this.#temporary))
      await rm(join(this.#temporary, name), { recursive: true, force: true })
    for (const name of readdirSync(this.#directory)) {
      const digest = `sha256:${name}`
      if (!isDigest(digest) || !referenced(digest))
        await rm(join(this.#directory, name), { recursive: true, force: true })
    }
  }
}

/** A blob being written. */
export class BlobWriter implements AsyncDisposable {
  readonly #file: FileHandle
  readonly #appender: Appender
  readonly #path: string
  readonly #finalPath: (digest: Digest) => string
  readonly #hash = createHash('sha256')
  #open = true
  size = 0

  constructor(file: FileHandle, path: string, finalPath: (digest: Digest) => string) {
    this.#file = file
    this.#appender = new Appender(file)
    this.#path = path
    this.#finalPath = finalPath
  }

  /** Takes bytes, which must not change any more. Throws `system` for a full disk, if these or earlier ones don't fit. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes)
    this.size += bytes.length
    await this.#appender.append(bytes)
  }

  /** Gives the blob its name and holds it. Throws `invalid` if it is not what was expected. */
  async commit(
    hold: Hold<Digest>,
    expected: ExpectedBlob = {},
    { durable = true }: StoreOptions = {},
  ): Promise<BlobInfo> {
    const digest: Digest = `sha256:${this.#hash.digest('hex')}`
    const { size } = this
    if (expected.size !== undefined && size !== expected.size) {
      throw invalid(`blob has ${size > expected.size ? 'more than' : 'only'} ${Math.min(size, expected.size)} bytes`)
    }
    if (expected.digest !== undefined && digest !== expected.digest) {
      throw invalid(`filesystem layer verification failed for digest ${expected.digest}`)
    }
    await this.#appender.flush()
    if (durable) await this.#file.datasync()
    await this.#close()
    // Held first: from here on nobody collects the blob, be it this one or one that was there before.
    hold.add(digest)
    await rename(this.#path, this.#finalPath(digest))
    if (durable) await syncDirectory(dirname(this.#finalPath(digest)))
    return { digest, size }
  }

  async #close(): Promise<void> {
    if (this.#open) await this.#file.close()
    this.#open = false
  }

  /** Removes what was written unless it has been committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#appender.flush().catch(() => {})
    await this.#close()
    await rm(this.#path, { force: true })
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}
