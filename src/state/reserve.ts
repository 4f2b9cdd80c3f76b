// Disk space kept back for a full disk: what gives things back must be written somewhere, too.

import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'

// A transaction takes four pages or so of the write-ahead log, which is used again once it is checkpointed.
const size = 512 * 1024
// Milliseconds between two attempts to take it back on a disk that is full still.
const interval = 10_000

/** A file that is nothing but space. */
export class Reserve {
  readonly #path: string
  #held: boolean
  #tried = -Infinity

  constructor(path: string) {
    this.#path = path
    this.#held = existsSync(path)
  }

  /** Takes the space if it isn't held already, and if the disk has it to spare; unless `atOnce`, not too often. */
  hold({ atOnce = false } = {}): void {
    const now = performance.now()
    if (this.#held || (!atOnce && now - this.#tried < interval)) return
    this.#tried = now
    try {
      // Not a hole, and nothing that a file system could compress.
      writeFileSync(this.#path, randomBytes(size))
      this.#held = true
    } catch (error) {
      rmSync(this.#path, { force: true })
      if (!isNoSpace(error)) throw error
    }
  }

  /** Gives the space free, to be used at once. */
  release(): void {
    rmSync(this.#path, { force: true })
    this.#held = false
    this.#tried = performance.now()
  }
}

const isNoSpace = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
