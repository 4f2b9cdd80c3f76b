// The files of a json-file log as one sequence of lines, across rotation and while it is being written.

import { type Source, closeAll, endsWithTime, inodeOf, longestLine, openChain, placeIn, plain } from './log-source.ts'
import type { LogPosition } from './position.ts'

const blockSize = 256 * 1024
const nothing = Buffer.alloc(0)

/**
 * Reads a log from its oldest file to the one being written. `path` is the newest file; `path.1` is the one before it,
 * and so on, as the shim rotates them; all but the newest may be compressed.
 */
export class LogFiles implements AsyncDisposable {
  readonly #path: string
  #sources: Source[]
  readonly #growing: boolean
  readonly #block = Buffer.allocUnsafeSlow(blockSize + longestLine)
  /** How much of the block is read and, of that, handed out. */
  #filled = 0
  #taken = 0

  private constructor(path: string, sources: Source[], growing: boolean) {
    this.#path = path
    this.#sources = sources
    this.#growing = growing
  }

  /**
   * Opens what there is; a log that was never written is empty. `tail` lines from the end, or all. Unless `growing`, what
   * is written from now on is left out.
   */
  static async open(path: string, tail: number | undefined, growing: boolean): Promise<LogFiles> {
    await using opening = new AsyncDisposableStack()
    const files = opening.use(new LogFiles(path, await openChain(path), growing))
    const newest = files.#sources.at(-1)
    if (newest && !growing) newest.end = (await newest.handle.stat()).size
    if (tail !== undefined) await files.#skipTo(tail)
    opening.move()
    return files
  }

  /**
   * Opens a log that grows, to read on after `position`, from its beginning without one. Undefined if the log no longer
   * has that place.
   */
  static async resume(path: string, position: LogPosition | undefined): Promise<LogFiles | undefined> {
    await using opening = new AsyncDisposableStack()
    const files = opening.use(new LogFiles(path, await openChain(path), true))
    if (position && !(await files.#skipBehind(position))) return undefined
    opening.move()
    return files
  }

  async #skipBehind({ inode, offset, time }: LogPosition): Promise<boolean> {
    const index = this.#sources.findIndex(source => source.inode === inode)
    const source = this.#sources[index]
    // Another file may have got the number of one that is gone.
    if (!source || !(await endsWithTime(await plain(source), offset, time))) return false
    await closeAll(this.#sources.splice(0, index))
    source.offset = offset
    return true
  }

  /** The place behind the lines that were read last; its time is theirs to tell. */
  get place(): Omit<LogPosition, 'time'> | undefined {
    const source = this.#sources[0]
    return source && { inode: source.inode, offset: source.offset - (this.#filled - this.#taken) }
  }

  /**
   * The next complete lines, each with its newline; empty when all that is written has been read. The bytes are good until
   * the next call.
   */
  async read(): Promise<Buffer> {
    for (;;) {
      const source = this.#sources[0]
      if (!source) return this.#growing ? this.#reopen() : nothing
      const wanted = Math.min(blockSize, source.end - source.offset)
      this.#keepRest()
      const file = await plain(source)
      const { bytesRead } = await file.read(this.#block, this.#filled, wanted, source.offset)
      source.offset += bytesRead
      this.#filled += bytesRead
      if (bytesRead === 0 && !(await this.#advance(source))) return nothing
      const lines = this.#block.subarray(0, this.#block.lastIndexOf(10, this.#filled - 1) + 1)
      if (bytesRead === 0 || this.#filled === 0) continue
      this.#taken = lines.length
      if (lines.length > 0) return lines
      // A line that no shim would write: whoever wrote it, it is not kept in memory.
      if (this.#filled > longestLine) this.#filled = 0
    }
  }

  // Moves what is left of the block to its beginning.
  #keepRest() {
    if (this.#taken > 0) this.#block.copyWithin(0, this.#taken, this.#filled)
    this.#filled -= this.#taken
    this.#taken = 0
  }

  // At the end of a file: go on with the next newer one, if there is one.
  async #advance(source: Source): Promise<boolean> {
    if (this.#sources.length > 1) {
      this.#sources.shift()
      await source.handle.close()
      return true
    }
    if (!this.#growing) return false
    const newest = await inodeOf(this.#path)
    if (newest === undefined || newest === source.inode) return false
    // Rotated since: what was written before the rename is still to be read.
    const { size } = await (await plain(source)).stat()
    if (size > source.offset) return true
    // All of them are this reader's from now on, whatever fails.
    const chain = await openChain(this.#path)
    this.#sources = [source, ...chain]
    const here = await placeIn(chain, source)
    await closeAll(this.#sources.splice(0, here + 2))
    return true
  }

  async #reopen(): Promise<Buffer> {
    this.#sources = await openChain(this.#path)
    return this.#sources.length > 0 ? this.read() : nothing
  }

  // Leaves only the last `count` lines to be read.
  async #skipTo(count: number): Promise<void> {
    let wanted = count
    for (let index = this.#sources.length - 1; index >= 0; index--) {
      const source = this.#sources[index]
      if (!source) continue
      const { offset, found } = await this.#lastLines(source, wanted)
      source.offset = offset
      wanted -= found
      if (wanted > 0) continue
      await closeAll(this.#sources.splice(0, index))
      return
    }
  }

  // Where the last `count` lines of a file begin, and how many of them it has.
  async #lastLines(source: Source, count: number): Promise<{ offset: number; found: number }> {
    const file = await plain(source)
    const { size } = await file.stat()
    let found = 0
    for (let end = Math.min(size, source.end); end > 0; ) {
      const start = Math.max(0, end - blockSize)
      await file.read(this.#block, 0, end - start, start)
      for (let at = end - start - 1; at >= 0; at--) {
        if (this.#block[at] !== 10) continue
        // The newline at the very end closes the last line; each one before it closes the line before.
        if (found === count) return { offset: start + at + 1, found }
        found++
      }
      end = start
    }
    return { offset: 0, found }
  }

  async [Symbol.asyncDispose]() {
    await closeAll(this.#sources)
  }
}
