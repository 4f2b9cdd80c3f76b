// Compresses log files that were rotated, while the shim goes on rotating them.

import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import { hasCode } from '../kernel/ffi.ts'
import { lockFile } from '../kernel/lock.ts'
import { bytesOf, writtenTo } from './handle-streams.ts'

/** Fast rather than small: logs compress well at any level. */
const level = 1

/** Compresses every rotated file of the log at `path` that isn't yet; stops early when `signal` is aborted. */
export async function compressRotated(path: string, signal: AbortSignal): Promise<void> {
  for (let number = oldestPlain(path); number > 0 && !signal.aborted; number = oldestPlain(path)) {
    await compressOne(path, number, signal)
  }
}

// 0 if there is none.
function oldestPlain(path: string): number {
  const name = basename(path)
  const numbers = namesIn(dirname(path)).map(entry =>
    entry.startsWith(`${name}.`) ? entry.slice(name.length + 1) : '',
  )
  return Math.max(0, ...numbers.filter(text => /^[1-9]\d*$/.test(text)).map(Number))
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    // The log went with its container.
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

async function compressOne(path: string, number: number, signal: AbortSignal): Promise<void> {
  const part = `${path}.part-${randomUUID()}`
  try {
    // Open for as long as it is compared: its number can't be another file's meanwhile.
    await using file = await open(`${path}.${number}`, 'r')
    const { ino } = await file.stat({ bigint: true })
    await using compressed = await open(part, 'wx', 0o640)
    await pipeline(bytesOf(file), createGzip({ level }), writtenTo(compressed), { signal })
    await compressed.sync()
    await replace(path, ino, part, signal)
  } catch (error) {
    if (!signal.aborted && !hasCode(error, 'ENOENT')) throw error
  } finally {
    rmSync(part, { force: true })
  }
}

/** Milliseconds between two attempts to get the lock; it is held for far less. */
const lockPause = 10

// Puts the compressed file in the place of the one with this inode, wherever that has moved by now.
async function replace(path: string, inode: bigint, part: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    using lock = existsSync(path) ? lockFile(path) : undefined
    // The lock counts if it is on the file that is written now: then the shim moves none of them.
    if (lock && statSync(lock.path, { bigint: true }).ino === inodeOf(path)) {
      const number = placeOf(path, inode)
      if (number === undefined) return
      renameSync(part, `${path}.${number}.gz`)
      rmSync(`${path}.${number}`)
      return
    }
    // The log was cleared, or went with its container.
    if (!existsSync(path) && placeOf(path, inode) === undefined) return
    await sleep(lockPause, undefined, { signal })
  }
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino
}

function placeOf(path: string, inode: bigint): number | undefined {
  for (let number = 1; number <= oldestPlain(path); number++) {
    if (inodeOf(`${path}.${number}`) === inode) return number
  }
  return undefined
}

/** Removes what a daemon that was killed while it compressed has left. */
export function removeParts(path: string): void {
  const prefix = `${basename(path)}.part-`
  for (const name of namesIn(dirname(path)).filter(entry => entry.startsWith(prefix))) {
    rmSync(join(dirname(path), name), { force: true })
  }
}
