// Bytes on their way to a file: what comes within a moment, or while others are being written, is written in one call.

import type { FileHandle } from 'node:fs/promises'
import { hasCode } from '../kernel/ffi.ts'
import { system } from '../lib/errors.ts'

/** Bytes and pieces that may wait before who adds some has to wait, too. writev(2) takes 1,024 pieces. */
const mostBytes = 1 << 20
const mostPieces = 512
/** Bytes that are written at once. Each call costs a change of threads. */
const enoughBytes = 512 << 10
/** Milliseconds after which fewer are. */
const longestDelay = 5

/** Adds to the end of a file, which stays the caller's. Nobody else may write to it until `flush` has come to its end. */
export class Appender {
  readonly #file: FileHandle
  readonly #written: (bytes: number) => void
  #pieces: Uint8Array[] = []
  #bytes = 0
  #writing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failure: { readonly error: unknown } | undefined

  /** `written` is told how many more bytes are in the file. */
  constructor(file: FileHandle, written: (bytes: number) => void = () => {}) {
    this.#file = file
    this.#written = written
  }

  /**
   * Takes `bytes`, which must not change any more; resolves when there is room for others. Throws what writing these or
   * earlier ones failed by: `system` for a full disk. Nothing is written from then on.
   */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) this.#pieces.push(bytes)
    this.#bytes += bytes.length
    this.#proceed()
    while (this.#isFull) await this.#writing
    this.#check()
  }

  /** Resolves when all is in the file. Throws as `append` does. */
  async flush(): Promise<void> {
    while (this.#pieces.length > 0 || this.#writing) {
      this.#begin()
      await this.#writing
    }
    this.#check()
  }

  get #isFull(): boolean {
    return this.#bytes > mostBytes || this.#pieces.length > mostPieces
  }

  #check(): void {
    if (this.#failure) throw this.#failure.error
  }

  #proceed(): void {
    if (this.#failure) this.#drop()
    else if (this.#bytes >= enoughBytes || this.#isFull) this.#begin()
    else if (this.#pieces.length > 0) this.#timer ??= setTimeout(() => this.#begin(), longestDelay)
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pieces.length > 0) this.#writing ??= this.#writeAll()
  }

  #drop(): Uint8Array[] {
    const pieces = this.#pieces
    this.#pieces = []
    this.#bytes = 0
    return pieces
  }

  // Never ends before it has waited once: there are pieces when it begins.
  async #writeAll(): Promise<void> {
    try {
      await this.#write(this.#drop())
    } catch (error) {
      this.#failure = { error: translate(error) }
    }
    this.#writing = undefined
    this.#proceed()
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    for (let rest = pieces; rest.length > 0; ) {
      const { bytesWritten } = await this.#file.writev(rest)
      this.#written(bytesWritten)
      rest = after(rest, bytesWritten)
    }
  }
}

/** What is left of `pieces` after `count` bytes. */
function after(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count
  const left: Uint8Array[] = []
  for (const piece of pieces) {
    if (skip < piece.length) left.push(piece.subarray(skip))
    skip = Math.max(0, skip - piece.length)
  }
  return left
}

function translate(cause: unknown): unknown {
  return isFull(cause) ? system('write blob: no space left on device', { cause }) : cause
}

/** True if `error`, or what is behind it, says that the disk is full. */
export function isFull(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT') || (error instanceof Error && hasCode(error.cause, 'ENOSPC', 'EDQUOT'))
}
