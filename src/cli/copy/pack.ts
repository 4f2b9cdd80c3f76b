// A file or directory of this machine as a tar archive, piece by piece.

import { type BigIntStats, createReadStream, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import type { TarType } from '../../lib/tar/entry.ts'
import { type NewEntry, endOfArchive, formatHeader, padding } from '../../lib/tar/writer.ts'

/** The archive of what is at `path`, whose names begin with `name`. Names are bytes, not text. */
export async function* pack(path: string, name: string): AsyncGenerator<Buffer, void, void> {
  const linked = new Map<string, string>()
  yield* entries(Buffer.from(path).toString('latin1'), Buffer.from(name).toString('latin1'), linked)
  yield endOfArchive
}

const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1')

async function* entries(path: string, name: string, linked: Map<string, string>): AsyncGenerator<Buffer, void, void> {
  const stat = lstatSync(bytesOf(path), { bigint: true })
  const type = typeOf(stat)
  if (type === undefined) return
  const entry = { ...attributesOf(stat), type, name }
  if (type === 'file') return yield* fileEntry(path, entry, stat, linked)
  if (type === 'symlink') return yield formatHeader({ ...entry, linkName: readlinkSync(bytesOf(path), 'latin1') })
  if (type !== 'directory') return yield formatHeader({ ...entry, ...deviceOf(stat) })
  yield formatHeader({ ...entry, name: `${name}/` })
  for (const child of readdirSync(bytesOf(path), 'latin1').toSorted()) {
    yield* entries(`${path}/${child}`, `${name}/${child}`, linked)
  }
}

function typeOf(stat: BigIntStats): TarType | undefined {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'directory'
  if (stat.isSymbolicLink()) return 'symlink'
  if (stat.isFIFO()) return 'fifo'
  if (stat.isCharacterDevice()) return 'character'
  return stat.isBlockDevice() ? 'block' : undefined
}

const second = 1_000_000_000n

const attributesOf = (stat: BigIntStats) => ({
  mode: Number(stat.mode) & 0o7777,
  uid: Number(stat.uid),
  gid: Number(stat.gid),
  mtime: (stat.mtimeNs / second) * second,
})

// The kernel's numbers as glibc packs them into one.
function deviceOf({ rdev }: BigIntStats): Pick<NewEntry, 'major' | 'minor'> {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  }
}

async function* fileEntry(
  path: string,
  entry: NewEntry,
  { dev, ino, nlink, size: bytes }: BigIntStats,
  linked: Map<string, string>,
): AsyncGenerator<Buffer, void, void> {
  const identity = `${dev}:${ino}`
  const first = nlink > 1n ? linked.get(identity) : undefined
  if (first !== undefined) return yield formatHeader({ ...entry, type: 'hardlink', linkName: first })
  if (nlink > 1n) linked.set(identity, entry.name)
  const size = Number(bytes)
  yield formatHeader({ ...entry, size })
  if (size === 0) return
  let left = size
  for await (const chunk of createReadStream(bytesOf(path), { end: size - 1 })) {
    left -= (chunk as Buffer).length
    yield chunk as Buffer
  }
  // What it has lost meanwhile.
  for (; left > 0; left -= Math.min(left, 65_536)) yield Buffer.alloc(Math.min(left, 65_536))
  yield padding(size)
}
