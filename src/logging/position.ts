// How far a container's log has been sent away, kept where it outlasts the daemon.

import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'
import { hasCode } from '../kernel/ffi.ts'

/** A place in a log: after the entry of `time`, which ends at `offset` of the file with this inode. */
export interface LogPosition {
  readonly inode: bigint
  readonly offset: number
  /** RFC 3339, as the log has it. */
  readonly time: string
}

// One write of one size replaces the one before: a daemon that is killed leaves the old or the new.
const recordSize = 96

/** The file with a position. */
export class PositionFile implements Disposable {
  readonly #path: string
  #file: number | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** The position last saved; undefined if there is none. */
  load(): LogPosition | undefined {
    const [, inode, offset, time] = /^(\d+) (\d+) (\S+) *\n$/.exec(this.#text()) ?? []
    if (inode === undefined || time === undefined) return undefined
    return { inode: BigInt(inode), offset: Number(offset), time }
  }

  #text(): string {
    try {
      return readFileSync(this.#path, 'utf8')
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return ''
      throw error
    }
  }

  /** It is not synced: after a power cut some lines may be sent again. */
  save({ inode, offset, time }: LogPosition): void {
    this.#file ??= openSync(this.#path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    writeSync(this.#file, `${`${inode} ${offset} ${time}`.padEnd(recordSize - 1)}\n`, 0)
  }

  [Symbol.dispose]() {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}
