// Content that an operation is using and no row of the database mentions yet: it must not be collected meanwhile.

/** Counts, by name, how many operations hold something. */
export class Holds<Key extends string> {
  readonly #counts = new Map<Key, number>()

  has(key: Key): boolean {
    return this.#counts.has(key)
  }

  /** A set of things held until it is disposed of. */
  acquire(): Hold<Key> {
    return new Hold(this.#counts)
  }
}

/** What one operation holds. */
export class Hold<Key extends string> implements Disposable {
  readonly #counts: Map<Key, number>
  readonly #keys = new Set<Key>()

  constructor(counts: Map<Key, number>) {
    this.#counts = counts
  }

  get keys(): ReadonlySet<Key> {
    return this.#keys
  }

  add(key: Key): void {
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  [Symbol.dispose](): void {
    for (const key of this.#keys) {
      const count = this.#counts.get(key) ?? 0
      if (count > 1) this.#counts.set(key, count - 1)
      else this.#counts.delete(key)
    }
  }
}
