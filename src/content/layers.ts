// Unpacked layers: one directory each, named by the layer's chainID, and shared by all images built on it.

import { randomUUID } from 'node:crypto'
import { constants, existsSync, readdirSync, renameSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openPath } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { sharesBlocks } from '../kernel/shared-blocks.ts'
import { invalid, kindOf, system } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { type Digest, digestOf, hexOf, isDigest } from '../oci/digest.ts'
import type { Database } from '../state/database.ts'
import type { Growth } from './growing.ts'
import { type Hold, Holds } from './holds.ts'
import type { UnpackJob, UnpackResult } from './jobs.ts'
import { LayerPublisher, type UnpublishedLayer } from './layer-publisher.ts'
import { LayerRows } from './layer-rows.ts'
import { LayerSharer } from './layer-sharer.ts'
import { type UnpackLimits, defaultLimits } from './limits.ts'
import type { JobOptions, WorkerPool } from './pool.ts'

/** The identity of a layer together with all below it (OCI image-spec config.md, "Layer ChainID"). */
export type ChainId = Digest

/** A layer's archive, compressed or not, and the digest its content is said to have. */
export interface LayerSource {
  readonly archive: string | Promise<ArrivingArchive>
  readonly diffId: Digest
  /** Of the archive as it is, if the caller has just computed it from what was written. */
  readonly digest?: Digest
}

/** An archive on its way: it is unpacked as it comes. */
export interface ArrivingArchive {
  readonly path: string
  readonly growth: Growth
  /** Resolves when all of it is there and has been verified: no layer is published before. */
  readonly verified: Promise<unknown>
  /** To be called if it can't be what it should be, whatever else comes. */
  damaged(): void
}

export interface UnpackOptions {
  readonly signal?: AbortSignal
  /** Bytes of the archive of layer `index` that have been read. */
  readonly onProgress?: (index: number, bytes: number) => void
  readonly onUnpacked?: (index: number) => void
}

type OwnUnpackOptions = UnpackOptions & { readonly signal: AbortSignal }

/** The chainID of each of `diffIds`, bottom first. */
export function chainIds(diffIds: readonly Digest[]): ChainId[] {
  const chain: ChainId[] = []
  for (const diffId of diffIds) {
    const parent = chain.at(-1)
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`))
  }
  return chain
}

export interface LayersOptions {
  /** The data root. */
  readonly root: string
  readonly database: Database
  readonly pool: WorkerPool
  /** Unpacks what is on its way here, which may take as long as others please. Default: the same. */
  readonly patientPool?: WorkerPool
  readonly limits?: UnpackLimits
  /** Lets equal files of layers share blocks, where the file system can; `pool` is used for nothing else. */
  readonly sharing?: { readonly pool: WorkerPool; readonly log: Log }
}

/** One attempt to unpack a layer, which all who need the layer wait for. */
interface Attempt {
  /** Its turn to be published has been taken. */
  readonly queued: Promise<unknown>
  readonly published: Promise<void>
}

export class Layers {
  /** Of layers that are unpacked from now on. */
  limits: UnpackLimits
  readonly #directory: string
  readonly #pool: WorkerPool
  readonly #patientPool: WorkerPool
  readonly #rows: LayerRows
  readonly #publisher: LayerPublisher
  readonly #holds = new Holds<ChainId>()
  readonly #attempts = new Map<ChainId, Attempt>()
  readonly #removals = new Set<Promise<unknown>>()
  readonly #sharing: LayersOptions['sharing']
  #sharer: LayerSharer | undefined

  constructor({ root, database, pool, patientPool = pool, limits = defaultLimits, sharing }: LayersOptions) {
    this.#directory = join(root, 'layers')
    this.#pool = pool
    this.#patientPool = patientPool
    this.limits = limits
    this.#sharing = sharing
    this.#rows = new LayerRows(database)
    this.#publisher = new LayerPublisher(this.#directory, this.#rows, pool)
  }

  /** The directory that holds all layers. */
  get home(): string {
    return this.#directory
  }

  /** Makes the directory. To be called before anything else. */
  async prepare(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o710 })
    using directory = openPath(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY)
    if (!this.#sharing || !sharesBlocks(directory)) return
    const quiet = async () => {
      while (this.#attempts.size > 0) {
        await Promise.allSettled(Array.from(this.#attempts.values(), ({ published }) => published))
      }
    }
    this.#sharer = new LayerSharer({ ...this.#sharing, directory: this.#directory, rows: this.#rows, quiet })
  }

  /** The directory with a layer's files, to be a lower directory of an overlay. */
  path(chainId: ChainId): string {
    return join(this.#directory, hexOf(chainId), 'fs')
  }

  has(chainId: ChainId): boolean {
    return this.#rows.get(chainId) !== undefined
  }

  /** The layer and all below it, top first: the order of an overlay's lower directories. */
  chain(top: ChainId): ChainId[] {
    return this.#rows.chain(top).map(row => row.chainId)
  }

  /** Bytes of the layer's own files. */
  size(chainId: ChainId): number {
    const row = this.#rows.get(chainId)
    if (!row) throw system(`layer ${chainId} does not exist`)
    return row.size
  }

  /** Bytes of the files of the layer and all below it. */
  chainSize(top: ChainId): number {
    return this.#rows.chain(top).reduce((sum, row) => sum + row.size, 0)
  }

  /** Keeps layers from being collected until it is disposed of. */
  hold(): Hold<ChainId> {
    return this.#holds.acquire()
  }

  /**
   * Unpacks what is missing of a stack of layers, bottom first and in parallel, and holds them all; resolves to the chainID
   * of the top one once everything is on the disk. Throws `invalid` for a layer that is damaged, malicious or not what its
   * diffID says; of a layer that failed nothing is left.
   */
  async unpack(
    sources: readonly LayerSource[],
    hold: Hold<ChainId>,
    options: UnpackOptions = {},
  ): Promise<ChainId | undefined> {
    const chain = chainIds(sources.map(source => source.diffId))
    for (const chainId of chain) hold.add(chainId)
    while (!(await this.#attempt(chain, sources, options)));
    return chain.at(-1)
  }

  /** False if another operation's attempt at one of the layers failed, which may be for reasons of its own. */
  async #attempt(chain: readonly ChainId[], sources: readonly LayerSource[], options: UnpackOptions): Promise<boolean> {
    const attempts: Attempt[] = []
    const own = new Set<Attempt>()
    // If one of them fails, the others are of no use.
    const failed = new AbortController()
    const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])])
    for (const [index, source] of sources.entries()) {
      const chainId = chain[index] as ChainId
      const known = this.has(chainId) ? done : this.#attempts.get(chainId)
      const attempt = known ?? this.#start(chain, index, source, attempts.at(-1), { ...options, signal })
      attempts.push(attempt)
      if (known) continue
      own.add(attempt)
      attempt.published.catch((error: unknown) => failed.abort(error))
    }
    // All have come to their end before anything is thrown, so that nothing goes on behind the caller's back.
    const results = await Promise.allSettled(attempts.map(attempt => attempt.published))
    options.signal?.throwIfAborted()
    const first = results.findIndex(({ status }) => status === 'rejected')
    if (first < 0) return true
    if (own.has(attempts[first] as Attempt)) throw failed.signal.reason
    return false
  }

  #start(
    chain: readonly ChainId[],
    index: number,
    source: LayerSource,
    below: Attempt | undefined,
    options: OwnUnpackOptions,
  ): Attempt {
    const chainId = chain[index] as ChainId
    const queued = this.#unpackOne(chain, index, source, below, options)
    const attempt = { queued, published: queued.then(({ published }) => published) }
    this.#attempts.set(chainId, attempt)
    const forget = () => this.#attempts.delete(chainId)
    attempt.published.then(forget, forget)
    return attempt
  }

  async #unpackOne(
    chain: readonly ChainId[],
    index: number,
    source: LayerSource,
    below: Attempt | undefined,
    { signal, onProgress, onUnpacked }: OwnUnpackOptions,
  ): Promise<{ published: Promise<void> }> {
    const target = await this.#temporary()
    try {
      const options = { signal, onProgress: (bytes: number) => onProgress?.(index, bytes) }
      const result = await this.#unpackArchive(source, target.path, options)
      checkDiffId(source, result, index)
      onUnpacked?.(index)
      // A layer takes its turn after the one below it.
      await below?.queued
      const layer = { ...result, chainId: chain[index] as ChainId, parent: chain[index - 1], directory: target.path }
      return { published: this.#publish(layer).catch(target.discard) }
    } catch (error) {
      return await target.discard(error)
    }
  }

  async #unpackArchive(
    { archive, digest }: LayerSource,
    target: string,
    options: JobOptions & { readonly signal: AbortSignal },
  ): Promise<UnpackResult> {
    if (typeof archive === 'string') return await this.#pool.run({ ...this.#job(archive, target), digest }, options)
    const { path, growth, verified, damaged } = await unlessAborted(options.signal, archive)
    try {
      const result = await this.#patientPool.run({ ...this.#job(path, target), growth }, options)
      await unlessAborted(options.signal, verified)
      return result
    } catch (error) {
      if (kindOf(error) === 'invalid') damaged()
      throw error
    }
  }

  /**
   * Unpacks an archive as a layer that lies on no other, and holds it; resolves to its diffID, which is its chainID too, once
   * it is on the disk. Throws as `unpack` does.
   */
  async unpackBase(archive: string, hold: Hold<ChainId>, options: JobOptions = {}): Promise<Digest> {
    const target = await this.#temporary()
    try {
      const result = await this.#pool.run(this.#job(archive, target.path), options)
      const chainId = result.diffId
      hold.add(chainId)
      const running = this.#attempts.get(chainId)
      if (!this.has(chainId) && !running) {
        await this.#publish({ ...result, chainId, directory: target.path })
        return chainId
      }
      await running?.published
      await target.remove()
      return chainId
    } catch (error) {
      return await target.discard(error)
    }
  }

  async #publish(layer: UnpublishedLayer): Promise<void> {
    await this.#publisher.publish(layer)
    this.#sharer?.add(layer.chainId)
  }

  #job(archive: string, target: string): UnpackJob {
    return { kind: 'unpack', archive, target, limits: this.limits }
  }

  /** A new directory, and ways to be rid of it. */
  async #temporary() {
    const name = `tmp-${randomUUID()}`
    const path = join(this.#directory, name)
    await mkdir(path, { mode: 0o710 })
    const remove = () => this.#pool.run({ kind: 'remove', directory: this.#directory, names: [name] })
    const discard = async (error: unknown): Promise<never> => {
      await remove()
      throw error
    }
    return { path, remove, discard }
  }

  /**
   * Deletes the layers that are neither below one of `roots` nor held, and returns them, upper ones first. Their rows are
   * gone when this returns, their files a little later.
   */
  collect(roots: Iterable<ChainId>): ChainId[] {
    const doomed = this.#rows.deleteUnreachable(roots, chainId => this.#holds.has(chainId))
    const names = doomed.map(({ chainId }) => {
      const name = `tmp-${randomUUID()}`
      try {
        renameSync(join(this.#directory, hexOf(chainId)), join(this.#directory, name))
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error
      }
      return name
    })
    const free = this.#sharer?.leave(doomed.map(({ chainId }) => chainId))
    this.#removeLater(names, free)
    return doomed.map(({ chainId }) => chainId)
  }

  // What can't be removed now is found at the next start.
  #removeLater(names: readonly string[], free: Promise<void> = Promise.resolve()): void {
    if (names.length === 0) return
    const removal: Promise<unknown> = free
      .then(() => this.#pool.run({ kind: 'remove', directory: this.#directory, names }))
      .catch(() => {})
      .finally(() => this.#removals.delete(removal))
    this.#removals.add(removal)
  }

  /** Waits until the files of all layers that were collected are gone. */
  async settled(): Promise<void> {
    await Promise.all(this.#removals)
  }

  /** Waits until the files of all layers share what they can. */
  async shared(): Promise<void> {
    await this.#sharer?.settled()
  }

  /**
   * After a start: removes what an earlier run left unfinished and directories without a row. Returns the layers whose
   * directory is gone, which images need. Changes nothing the second time.
   */
  async recover(): Promise<ChainId[]> {
    const names = readdirSync(this.#directory).filter(name => {
      const chainId = `sha256:${name}`
      return !isDigest(chainId) || !this.has(chainId)
    })
    if (names.length > 0) await this.#pool.run({ kind: 'remove', directory: this.#directory, names })
    this.#sharer?.addMissed()
    return this.#rows.all().filter(chainId => !existsSync(this.path(chainId)))
  }
}

const done: Attempt = { queued: Promise.resolve(), published: Promise.resolve() }

/** What `promise` gives, unless the signal is aborted before. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function checkDiffId({ diffId }: LayerSource, result: UnpackResult, index: number): void {
  if (result.diffId === diffId) return
  throw invalid(`invalid diffID for layer ${index}: expected "${diffId}", got "${result.diffId}"`)
}
