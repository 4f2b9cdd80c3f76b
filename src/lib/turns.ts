// A few at a time: work that waits until fewer than so many are under way.

/** Lets at most `limit()` bodies run at once, at least one; a change of it counts for those that wait. */
export class Turns {
  readonly #limit: () => number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limit: () => number) {
    this.#limit = limit
  }

  /** True if the next one has to wait. */
  get areTaken(): boolean {
    return this.#running >= Math.max(1, this.#limit())
  }

  /** Runs `body` in its turn. Rejects with the signal's reason if that is aborted before it begins. */
  async run<T>(body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const wake = () => {
      for (const next of this.#waiting.splice(0)) next()
    }
    signal?.addEventListener('abort', wake)
    try {
      while (this.areTaken) {
        signal?.throwIfAborted()
        await new Promise<void>(resolve => this.#waiting.push(resolve))
      }
      signal?.throwIfAborted()
    } finally {
      signal?.removeEventListener('abort', wake)
    }
    this.#running++
    try {
      return await body()
    } finally {
      this.#running--
      wake()
    }
  }
}
