// One lock per name: operations on one container are serial, on different ones parallel.

/** Named mutual exclusion. Holders queue in the order they asked. */
export class Locks {
  readonly #tails = new Map<string, Promise<void>>()

  /** Waits for the lock `name`; dispose of the result to release it. At most one may be held at a time per task. */
  async hold(name: string): Promise<Disposable> {
    const before = this.#tails.get(name)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#tails.set(name, promise)
    await before
    return {
      [Symbol.dispose]: () => {
        if (this.#tails.get(name) === promise) this.#tails.delete(name)
        resolve()
      },
    }
  }
}
