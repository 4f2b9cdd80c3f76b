// Blobs on their way to registries: a few at a time for the whole daemon, and none to the same repository twice at once.

import { unlessAborted } from '../distribution/session.ts'
import { Locks } from '../lib/locks.ts'
import { Turns } from '../lib/turns.ts'
import type { Digest } from '../oci/digest.ts'

export interface UploadOptions {
  readonly signal?: AbortSignal
  /** Called if others are first. */
  readonly onWaiting?: () => void
}

export class Uploads {
  readonly #turns: Turns
  readonly #locks = new Locks()
  readonly #busy = new Map<string, number>()

  /** At most `limit()` at once. */
  constructor(limit: () => number) {
    this.#turns = new Turns(limit)
  }

  /**
   * Runs `body`, which looks whether `repository` has the blob and sends it if not. Rejects with the signal's reason if that
   * is aborted before.
   */
  async run<T>(repository: string, digest: Digest, body: () => Promise<T>, options: UploadOptions = {}): Promise<T> {
    const { signal, onWaiting } = options
    const key = `${repository} ${digest}`
    if (this.#turns.areTaken || this.#busy.has(key)) onWaiting?.()
    this.#busy.set(key, (this.#busy.get(key) ?? 0) + 1)
    try {
      // Who waits for another keeps no turn from third parties.
      using _alone = await this.#alone(key, signal)
      return await this.#turns.run(body, signal)
    } finally {
      const others = (this.#busy.get(key) ?? 1) - 1
      if (others > 0) this.#busy.set(key, others)
      else this.#busy.delete(key)
    }
  }

  async #alone(key: string, signal: AbortSignal | undefined): Promise<Disposable> {
    const lock = this.#locks.hold(key)
    try {
      return await unlessAborted(lock, signal)
    } catch (error) {
      lock.then(held => held[Symbol.dispose]()).catch(() => {})
      throw error
    }
  }
}
