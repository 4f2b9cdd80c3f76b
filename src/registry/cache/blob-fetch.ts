// A blob on its way here from another registry: kept as it comes, and passed on to whoever asked for it meanwhile.

import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Repository as Remote } from '../../distribution/remote.ts'
import type { Digest } from '../../oci/digest.ts'

/** Bytes that wait for a client that is slower; one that is further behind reads what is kept. */
const mostWaiting = 8 << 20
/** Attempts in a row that bring hardly anything: less than so many bytes. */
const mostAttempts = 4
const progress = 1 << 20

interface Follower {
  readonly chunks: Buffer[]
  waiting: number
  /** It has not been given all that came. */
  isBehind: boolean
  wake: () => void
}

/** Where what is fetched is kept. */
export interface Keeper {
  /** Takes the bytes, makes sure that they are the blob's, and keeps them. */
  keep(source: AsyncIterable<Uint8Array>): Promise<void>
  /** Bytes that have come, before all have; undefined if they can't be read yet. `end` is the last one. */
  part(start: number, end: number): AsyncIterable<Buffer> | undefined
}

/** What is fetched, from where, and how long. */
export interface Wanted {
  readonly remote: Remote
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /** Ends the fetching. */
  readonly signal: AbortSignal
}

export class BlobFetch {
  readonly size: number
  /** Rejects with what kept the blob from coming here. */
  readonly done: Promise<void>
  /** Resolves when the first bytes have come. */
  readonly started: Promise<void>
  readonly #followers = new Set<Follower>()
  readonly #start: () => void
  readonly #keeper: Keeper
  #begun = false
  /** Bytes that have been kept. */
  #kept = 0
  #ended = false

  constructor(wanted: Wanted, keeper: Keeper) {
    this.#keeper = keeper
    this.size = wanted.size
    const { promise, resolve } = Promise.withResolvers<void>()
    this.started = promise
    this.#start = resolve
    this.done = keeper.keep(this.#passedOn(wholeBlob(wanted))).finally(() => {
      this.#ended = true
      for (const follower of this.#followers) follower.wake()
    })
    this.done.catch(() => {})
  }

  async *#passedOn(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    for await (const chunk of source) {
      this.#begun = true
      this.#start()
      // The sender may use its memory again.
      const copy = this.#followers.size > 0 ? Buffer.from(chunk) : chunk
      for (const follower of this.#followers) this.#give(follower, copy)
      yield chunk
      // Whoever takes them has them when it asks for more.
      this.#kept += chunk.length
      for (const follower of this.#followers) if (follower.isBehind) follower.wake()
    }
  }

  #give(follower: Follower, chunk: Buffer): void {
    follower.isBehind ||= follower.waiting + chunk.length > mostWaiting
    if (follower.isBehind) return
    follower.chunks.push(chunk)
    follower.waiting += chunk.length
    follower.wake()
  }

  /**
   * The blob's bytes: as they come, as far as the reader keeps up and was there from the beginning; the rest from what is kept, and
   * from `stored` once all is there. Its end comes only when the blob has been verified. Fails with what `done` rejects with.
   * Nothing waits for one that is destroyed.
   */
  follow(stored: (start: number) => AsyncIterable<Buffer>): Readable {
    const follower: Follower = { chunks: [], waiting: 0, isBehind: this.#begun, wake: () => {} }
    this.#followers.add(follower)
    const body = Readable.from(this.#follow(follower, stored), { objectMode: false })
    // A generator that has not begun yet would not notice.
    body.once('close', () => {
      this.#followers.delete(follower)
      follower.chunks.length = 0
      follower.wake()
    })
    return body
  }

  /** How many readers bytes are kept for. */
  get followers(): number {
    return this.#followers.size
  }

  // The end is only given when all has been verified.
  #keptAfter(position: number): AsyncIterable<Buffer> | undefined {
    return this.#kept > position && this.#kept < this.size ? this.#keeper.part(position, this.#kept - 1) : undefined
  }

  async *#follow(
    follower: Follower,
    stored: (start: number) => AsyncIterable<Buffer>,
  ): AsyncGenerator<Buffer, void, void> {
    let position = 0
    while (position < this.size && this.#followers.has(follower)) {
      const chunk = follower.chunks.shift()
      if (chunk) {
        follower.waiting -= chunk.length
        position += chunk.length
        // Without its end nobody takes it for a blob.
        if (position >= this.size) await this.done
        yield chunk
        continue
      }
      if (this.#ended) break
      const kept = follower.isBehind ? this.#keptAfter(position) : undefined
      if (kept) {
        const before = position
        for await (const part of unlessFailing(kept)) {
          position += part.length
          yield part
        }
        // It is not there under that name any more: its end is near.
        if (position === before) break
      } else await new Promise<void>(resolve => (follower.wake = resolve))
    }
    await this.done
    if (position < this.size) yield* stored(position)
  }
}

/** All up to the first failure, which is taken for the end. */
async function* unlessFailing(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const chunks = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await chunks.next().catch(() => undefined)
      if (!next || next.done === true) return
      yield next.value
    }
  } finally {
    await chunks.return?.()
  }
}

/** Goes on where a transfer broke off. */
async function* wholeBlob({ remote, signal, ...blob }: Wanted): AsyncGenerator<Buffer, void, void> {
  let position = 0
  for (let attempt = 1; ; attempt++) {
    const before = position
    try {
      for await (const chunk of remote.blob(blob, { start: position, signal })) {
        position += chunk.length
        yield chunk
      }
      return
    } catch (error) {
      const isPassing = (error as { kind?: string }).kind === 'unavailable'
      if (position - before >= progress) attempt = 0
      if (!isPassing || attempt >= mostAttempts || signal.aborted) throw error
      await delay(250 * 2 ** attempt, undefined, { signal })
    }
  }
}
