// Something that will happen, and those who wait for it; a waiter who gives up leaves nothing behind.

/** Wakes everyone who waits each time `tell` is called. */
export class Notice<T> {
  readonly #waiters = new Set<(value: T) => void>()

  /** Resolves with the next value told. Rejects with the signal's reason if that is aborted first. */
  next(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const abort = () => {
      this.#waiters.delete(wake)
      reject(signal?.reason)
    }
    const wake = (value: T) => {
      signal?.removeEventListener('abort', abort)
      resolve(value)
    }
    this.#waiters.add(wake)
    signal?.addEventListener('abort', abort, { once: true })
    return promise
  }

  /** Hands `value` to all who wait now. */
  tell(value: T): void {
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiters) wake(value)
  }
}
