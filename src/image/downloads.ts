// Layers on their way here: a few at a time for the whole daemon, each once, whoever wants it.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Blobs } from '../content/blobs.ts'
import type { Hold } from '../content/holds.ts'
import type { ArrivingArchive } from '../content/layers.ts'
import type { PartialBlob } from '../content/partial.ts'
import type { BlobName, Repository } from '../distribution/remote.ts'
import { kindOf, unavailable } from '../lib/errors.ts'
import { Turns } from '../lib/turns.ts'
import type { Digest } from '../oci/digest.ts'

/** How many blobs are fetched at once, how often one is tried, and whether what refers to an image comes with it (default: yes). */
export interface DownloadLimits {
  readonly concurrent: number
  readonly attempts: number
  readonly referrers?: boolean
}

/** What one who waits for a blob is told. Bytes count from the blob's start. */
export interface DownloadListener {
  /** Others are first. */
  onWaiting(): void
  onProgress(bytes: number): void
  onVerifying(): void
  /** It is tried again in so many seconds. */
  onRetry(seconds: number): void
}

/** A blob that is being fetched, for one who wants it. Dispose of it in any case. */
export interface Download extends Disposable {
  /** Resolves when it can be read while it comes. Rejects if it is over before. */
  readonly archive: Promise<ArrivingArchive>
  /** Resolves when the blob is in the store and held. */
  readonly done: Promise<void>
  /** True if it went on from what an earlier attempt left, and that or what followed was wrong: it is worth another attempt. */
  readonly wasStale: boolean
}

interface Flight {
  readonly listeners: Set<DownloadListener>
  readonly abort: AbortController
  readonly archive: PromiseWithResolvers<ArrivingArchive>
  readonly done: PromiseWithResolvers<void>
  /** Resolved when nobody wants it any more. */
  readonly left: PromiseWithResolvers<void>
  users: number
  waiting: boolean
  wasStale: boolean
}

/** Milliseconds before the second try; so much longer before each later one. */
const pause = 1000

export class Downloads {
  readonly #blobs: Blobs
  readonly #limits: () => DownloadLimits
  readonly #flights = new Map<Digest, Flight>()
  readonly #turns: Turns

  constructor(blobs: Blobs, limits: () => DownloadLimits) {
    this.#blobs = blobs
    this.#limits = limits
    this.#turns = new Turns(() => limits().concurrent)
  }

  /** True if what refers to an image is to be fetched with it. */
  get takesReferrers(): boolean {
    return this.#limits().referrers ?? true
  }

  /**
   * Fetches a blob from `repository`, or joins those who do so already, and holds it; it ends when nobody wants it any more.
   * The part that is here by then is gone on with next time.
   */
  fetch(blob: BlobName, repository: Repository, hold: Hold<Digest>, listener: DownloadListener): Download {
    hold.add(blob.digest)
    const flight = this.#flights.get(blob.digest) ?? this.#begin(blob, repository)
    flight.users++
    flight.listeners.add(listener)
    if (flight.waiting) listener.onWaiting()
    let used = true
    const leave = () => {
      if (!used) return
      used = false
      flight.listeners.delete(listener)
      if (--flight.users > 0) return
      // The next one who wants it begins anew.
      if (this.#flights.get(blob.digest) === flight) this.#flights.delete(blob.digest)
      flight.abort.abort(unavailable('context canceled'))
      flight.left.resolve()
    }
    return {
      archive: flight.archive.promise,
      done: flight.done.promise,
      get wasStale() {
        return flight.wasStale
      },
      [Symbol.dispose]: leave,
    }
  }

  #begin(blob: BlobName, repository: Repository): Flight {
    const flight: Flight = {
      listeners: new Set(),
      abort: new AbortController(),
      archive: Promise.withResolvers(),
      done: Promise.withResolvers(),
      left: Promise.withResolvers(),
      users: 0,
      waiting: this.#turns.areTaken,
      wasStale: false,
    }
    flight.archive.promise.catch(() => {})
    flight.done.promise.catch(() => {})
    this.#flights.set(blob.digest, flight)
    this.#run(blob, repository, flight).catch((error: unknown) => {
      // Who comes from now on begins anew.
      if (this.#flights.get(blob.digest) === flight) this.#flights.delete(blob.digest)
      flight.archive.reject(error)
      flight.done.reject(error)
    })
    return flight
  }

  async #run(blob: BlobName, repository: Repository, flight: Flight): Promise<void> {
    await using kept = new AsyncDisposableStack()
    using hold = this.#blobs.hold()
    await this.#turns.run(async () => {
      flight.waiting = false
      const partial = kept.use(await this.#resume(blob))
      let adopted = false
      const damaged = () => {
        if (adopted) return
        flight.wasStale ||= partial.isResumed
        partial.discard()
      }
      flight.archive.resolve({ path: partial.path, growth: partial.growth, verified: flight.done.promise, damaged })
      try {
        await this.#fill(partial, blob, repository, flight)
        for (const listener of flight.listeners) listener.onVerifying()
        await this.#adopt(partial, hold, damaged)
        adopted = true
      } catch (error) {
        // Told before who reads it finds it cut off, which says less.
        flight.done.reject(error)
        throw error
      }
    }, flight.abort.signal)
    flight.done.resolve()
    // Until then somebody may read it by its path.
    await flight.left.promise
  }

  async #adopt(partial: PartialBlob, hold: Hold<Digest>, damaged: () => void): Promise<void> {
    try {
      await this.#blobs.adopt(partial, hold)
    } catch (error) {
      if (kindOf(error) === 'invalid') damaged()
      throw error
    }
  }

  // One who left a moment ago may not have let go of it yet.
  async #resume({ digest, size }: BlobName): Promise<PartialBlob> {
    await this.#blobs.partial.released(digest)
    return await this.#blobs.partial.resume(digest, size)
  }

  async #fill(partial: PartialBlob, blob: BlobName, repository: Repository, flight: Flight): Promise<void> {
    const { signal } = flight.abort
    for (let attempt = 1; partial.written < blob.size; attempt++) {
      try {
        for await (const chunk of repository.blob(blob, { start: partial.written, signal })) {
          await partial.write(chunk)
          for (const listener of flight.listeners) listener.onProgress(partial.written)
        }
      } catch (error) {
        signal.throwIfAborted()
        if (kindOf(error) !== 'unavailable' || attempt >= this.#limits().attempts) throw error
        await this.#rest(attempt, flight)
      }
    }
  }

  async #rest(attempt: number, { listeners, abort: { signal } }: Flight): Promise<void> {
    for (let seconds = (attempt * pause) / 1000; seconds > 0; seconds--) {
      for (const listener of listeners) listener.onRetry(seconds)
      await sleep(1000, undefined, { signal })
    }
  }
}
