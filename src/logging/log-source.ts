// The single files that a log consists of, compressed ones among them.

import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import { hasCode } from '../kernel/ffi.ts'
import { bytesOf, writtenTo } from './handle-streams.ts'

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
    await pipeline(bytesOf(handle), createGunzip(), writtenTo(file))
    return file
  } catch (error) {
    await file.close()
    throw error
  }
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
    const handle = await open(path, 'r')
    const { ino: inode } = await handle.stat({ bigint: true })
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
    const chain: Source[] = []
    let number = 0
    for (let source = await openNumbered(path, 0); source; source = await openNumbered(path, ++number))
      chain.unshift(source)
    const isTorn = (await hasNumber(path, number + 1)) && attempt < patience
    if (!isTorn && (await inodeOf(path)) === chain.at(-1)?.inode) return chain
    await Promise.all(chain.map(source => source.handle.close()))
    await sleep(1)
  }
}

async function hasNumber(path: string, number: number): Promise<boolean> {
  const inodes = await Promise.all([inodeOf(`${path}.${number}`), inodeOf(`${path}.${number}.gz`)])
  return inodes.some(inode => inode !== undefined)
}
