// Versions of the Engine API, and the range that is served.

/** The oldest and newest API versions served; a request without a version gets the newest. */
export const oldestApiVersion = '1.24'
export const newestApiVersion = '1.56'

/** A version such as 1.44, compared number by number. */
export class ApiVersion {
  readonly text: string
  readonly #parts: readonly number[]

  constructor(text: string) {
    this.text = text
    this.#parts = text.split('.').map(part => Number(part) || 0)
  }

  /** Negative, zero or positive as this version is older than, the same as or newer than `other`. */
  compare(other: ApiVersion): number {
    const length = Math.max(this.#parts.length, other.#parts.length)
    for (let index = 0; index < length; index++) {
      const difference = (this.#parts[index] ?? 0) - (other.#parts[index] ?? 0)
      if (difference !== 0) return difference
    }
    return 0
  }

  /** True if this version is `other` or newer. */
  atLeast(other: string): boolean {
    return this.compare(new ApiVersion(other)) >= 0
  }

  toString(): string {
    return this.text
  }
}
