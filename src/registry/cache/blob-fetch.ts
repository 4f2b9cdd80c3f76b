// A blob on its way here from another registry: kept as it comes, and passed on to whoever asked for it meanwhile.

import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Repository as Remote } from '../../distribution/remote.ts'
import type { Digest } from '../../oci/digest.ts'

/** Bytes that wait for a client that is slower; one that is further behind reads on once all is here. */
const mostWaiting = 8 << 20
/** Attempts in a row that bring nothing. */
const mostAttempts = 4

interface Follower {
  readonly chunks: Buffer[]
  waiting: number
  /** It has not been given all that came. */
  isBehind: boolean
  wake: () => void
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
  #begun = false
  #ended = false

  /** `keep` takes the bytes, makes sure that they are the blob's, and keeps them. */
  constructor(wanted: Wanted, keep: (source: AsyncIterable<Uint8Array>) => Promise<void>) {
    this.size = wanted.size
    const { promise, resolve } = Promise.withResolvers<void>()
    this.started = promise
    this.#start = resolve
    this.done = keep(this.#passedOn(wholeBlob(wanted))).finally(() => {
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
   * The blob's bytes: as they come, as far as the reader keeps up and was there from the beginning; the rest from `stored`, once
   * all is there. Its end comes only when the blob has been verified. Fails with what `done` rejects with. Nothing waits for one
   * that is destroyed.
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
      } else if (this.#ended) break
      else await new Promise<void>(resolve => (follower.wake = resolve))
    }
    await this.done
    if (position < this.size) yield* stored(position)
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
      if (position > before) attempt = 0
      if (!isPassing || attempt >= mostAttempts || signal.aborted) throw error
      await delay(250 * 2 ** attempt, undefined, { signal })
    }
  }
}
