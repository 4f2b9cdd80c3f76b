// The single files that a log consists of, compressed ones among them.

import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { constants, createGunzip } from 'node:zlib'
import { hasCode } from '../kernel/ffi.ts'
import { bytesOf, writtenTo } from './handle-streams.ts'

/** Bytes. The shim never writes a longer line: 16 KiB of text, each byte escaped to six, and the rest of the object. */
export const longestLine = 256 * 1024
const newline = 10

/** An open log file; reading goes on where it left off. */
export interface Source {
  readonly path: string
  handle: FileHandle
  /** True until it was expanded: `plain` does that. */
  compressed: boolean
  readonly inode: bigint
  /** In bytes of the plain file. */
  offset: number
  /** Where to stop, in bytes. */
  end: number
}

/** The open file with the text itself. A compressed one is expanded to a file without a name first, once. */
export async function plain(source: Source): Promise<FileHandle> {
  if (!source.compressed) return source.handle
  const expanded = await expand(source)
  await source.handle.close()
  source.handle = expanded
  source.compressed = false
  return expanded
}

async function expand({ path, handle }: Source): Promise<FileHandle> {
  const name = `${path}.part-${randomUUID()}`
  const file = await open(name, 'wx+', 0o600)
  try {
    await rm(name)
    await expandTo(file, handle, path)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

// One damaged file is no reason to show nothing of the log: what of it is readable counts, and a line for the rest. What is cut
// short is expanded to its end, and only then seen to be so.
async function expandTo(file: FileHandle, compressed: FileHandle, path: string): Promise<void> {
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })
  // Nothing is still being written when this goes on.
  const results = await Promise.allSettled([pipeline(bytesOf(compressed), gunzip), writtenTo(file)(gunzip)])
  const failures = results.flatMap(result => (result.status === 'rejected' ? [result.reason as unknown] : []))
  const other = failures.find(error => !hasCode(error, 'Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT'))
  if (other !== undefined) throw other
  if (failures.length === 0 && (await sizeSaid(compressed)) === (await file.stat()).size % 2 ** 32) return
  const { mtimeMs } = await compressed.stat()
  await sayDamaged(file, basename(path), new Date(mtimeMs).toISOString())
}

// Its last four bytes say how many there were, modulo 2^32 (RFC 1952, ISIZE).
async function sizeSaid(compressed: FileHandle): Promise<number | undefined> {
  const { size } = await compressed.stat()
  const trailer = await lastBytes(compressed, size, 4)
  return trailer.length === 4 ? trailer.readUInt32LE() : undefined
}

// Of the entries that were read the last one may be cut short.
async function sayDamaged(file: FileHandle, name: string, compressedAt: string): Promise<void> {
  const { size } = await file.stat()
  const end = await lastBytes(file, size, longestLine)
  const whole = end.subarray(0, end.lastIndexOf(newline) + 1)
  const time = /"time":"([^"]*)"\}\n$/.exec(whole.toString())?.[1] ?? compressedAt
  const log = `[output is missing here: the log file ${name} is damaged]\n`
  const entry = `${JSON.stringify({ log, stream: 'stderr', time })}\n`
  await file.truncate(size - end.length + whole.length)
  await file.write(entry, size - end.length + whole.length)
}

/** Of the file at `path`; undefined if there is none. */
export async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await stat(path, { bigint: true })).ino
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Closes what is no longer to be read. */
export async function closeAll(sources: readonly Source[]): Promise<void> {
  await Promise.all(sources.map(source => source.handle.close()))
}

/** True if the entry that ends at `offset` is of `time`. */
export async function endsWithTime(file: FileHandle, offset: number, time: string): Promise<boolean> {
  const end = Buffer.from(`"time":"${time}"}\n`)
  return offset >= end.length && (await lastBytes(file, offset, end.length)).equals(end)
}

async function lastBytes(file: FileHandle, end: number, count: number): Promise<Buffer> {
  const wanted = Math.min(count, end)
  const { bytesRead, buffer } = await file.read(Buffer.alloc(wanted), 0, wanted, end - wanted)
  return buffer.subarray(0, bytesRead)
}

// With the time of its last entry, to the nanosecond: no two files of a log end alike.
const signatureSize = 64

const signatureOf = async (file: FileHandle) => lastBytes(file, (await file.stat()).size, signatureSize)

/** Where a file that is still open is among those of the log now; -1 if it is none of them any more. */
export async function placeIn(chain: readonly Source[], source: Source): Promise<number> {
  const place = chain.findIndex(other => !other.compressed && other.inode === source.inode)
  if (place >= 0) return place
  const signature = await signatureOf(await plain(source))
  // From the newest: a reader is seldom far behind.
  for (let index = chain.length - 1; index >= 0; index--) {
    const other = chain[index]
    if (other?.compressed && (await signatureOf(await plain(other))).equals(signature)) return index
  }
  return -1
}

async function openSource(path: string, compressed: boolean): Promise<Source | undefined> {
  try {
    await using opening = new AsyncDisposableStack()
    const handle = opening.use(await open(path, 'r'))
    const { ino: inode } = await handle.stat({ bigint: true })
    opening.move()
    return { path, handle, compressed, inode, offset: 0, end: Infinity }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function openNumbered(path: string, number: number): Promise<Source | undefined> {
  if (number === 0) return await openSource(path, false)
  return (await openSource(`${path}.${number}`, false)) ?? (await openSource(`${path}.${number}.gz`, true))
}

/** How often, a millisecond apart, a chain with a gap is opened again: the shim renames files one by one. */
const patience = 1000

/**
 * The files of the log at `path`, oldest first. Opened again if a rotation came in between, so that no file is missed or
 * taken twice.
 */
export async function openChain(path: string): Promise<Source[]> {
  for (let attempt = 1; ; attempt++) {
    const chain = await openOnce(path, attempt >= patience)
    if (chain) return chain
    await sleep(1)
  }
}

// Undefined if a rotation came in between.
async function openOnce(path: string, withGap: boolean): Promise<Source[] | undefined> {
  await using opening = new AsyncDisposableStack()
  const chain: Source[] = []
  let number = 0
  for (let source = await openNumbered(path, 0); source; source = await openNumbered(path, ++number)) {
    opening.use(source.handle)
    chain.unshift(source)
  }
  const isTorn = !withGap && (await hasNumber(path, number + 1))
  if (isTorn || (await inodeOf(path)) !== chain.at(-1)?.inode) return undefined
  opening.move()
  return chain
}

async function hasNumber(path: string, number: number): Promise<boolean> {
  const inodes = await Promise.all([inodeOf(`${path}.${number}`), inodeOf(`${path}.${number}.gz`)])
  return inodes.some(inode => inode !== undefined)
}
