// A number of places for work that must not all be done at once.

/** Those who ask for a place get one in the order they asked. */
export class Slots {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** Waits for a place; dispose of the result to give it back. Rejects with the signal's reason if that is aborted first. */
  async take(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#next(signal)
    let taken = true
    return {
      [Symbol.dispose]: () => {
        if (taken) this.#giveBack()
        taken = false
      },
    }
  }

  #next(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const abort = () => {
      this.#waiting.delete(wake)
      reject(signal.reason)
    }
    const wake = () => {
      signal.removeEventListener('abort', abort)
      resolve()
    }
    this.#waiting.add(wake)
    signal.addEventListener('abort', abort, { once: true })
    return promise
  }

  #giveBack(): void {
    const [next] = this.#waiting
    if (!next) this.#free++
    else {
      this.#waiting.delete(next)
      next()
    }
  }
}
