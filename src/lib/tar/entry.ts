// One entry of a tar archive: its header block merged with the extended headers before it, as Go's archive/tar merges them.

import { invalid } from '../errors.ts'
import { type RawHeader, badTar } from './header.ts'
import { type PaxRecord, paxInteger, paxTime } from './pax.ts'

export type TarType = 'file' | 'hardlink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo'

/** An entry of an archive. Names are byte strings: one character per byte, as latin1 decodes them. */
export interface TarEntry {
  readonly type: TarType
  readonly name: string
  /** The target of a symbolic or hard link. */
  readonly linkName: string
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of the file, holes included; 0 if it is not a regular file. */
  readonly size: number
  /** Nanoseconds since the Unix epoch. */
  readonly mtime: bigint
  /** Device number of a character or block device. */
  readonly major: number
  readonly minor: number
  readonly xattrs: ReadonlyMap<string, Buffer>
}

/** An entry's header block with what the headers before it say. */
export interface Header {
  readonly raw: RawHeader
  readonly block: Buffer
  readonly records: readonly PaxRecord[]
  readonly longName?: string
  readonly longLink?: string
}

const xattrPrefix = 'SCHILY.xattr.'

const types: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '\0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  S: 'file',
}

/** The entry that `header` describes. Throws `invalid` for types and numbers that no file can have. */
export function entryOf(header: Header): TarEntry {
  const { raw } = header
  const type = typeOf(raw)
  const { name, linkName, mode, uid, gid, size, major, minor } = raw
  const mtime = BigInt(raw.mtime) * 1_000_000_000n
  const entry: Draft = { type, name, linkName, mode, uid, gid, size, mtime, major, minor, xattrs: new Map() }
  for (const [key, value] of lastValues(header.records)) if (value.length > 0) applyRecord(entry, key, value)
  entry.name = header.longName || entry.name
  entry.linkName = header.longLink || entry.linkName
  if (type !== 'file') entry.size = 0
  if (entry.size < 0) throw badTar(`negative size of ${JSON.stringify(entry.name)}`)
  for (const id of [entry.uid, entry.gid]) {
    if (id < 0 || id > maximumId) throw badTar(`owner ${id} of ${JSON.stringify(entry.name)} is out of range`)
  }
  return entry
}

/** The largest user or group id; the next number means "no change" to the kernel. */
const maximumId = 0xffff_fffe

function typeOf({ type, name }: RawHeader): TarType {
  // Before there were directories in tar, a name with a slash at the end stood for one.
  if (type === '\0' && name.endsWith('/')) return 'directory'
  const known = types[type]
  if (known === undefined) throw invalid(`unhandled tar header type ${type.charCodeAt(0)}`)
  return known
}

const lastValues = (records: readonly PaxRecord[]) => new Map(records.map(({ key, value }) => [key, value]))

type Draft = { -readonly [K in keyof TarEntry]: TarEntry[K] } & { xattrs: Map<string, Buffer> }

function applyRecord(entry: Draft, key: string, value: Buffer): void {
  if (key === 'path') entry.name = value.toString('latin1')
  else if (key === 'linkpath') entry.linkName = value.toString('latin1')
  else if (key === 'size' || key === 'uid' || key === 'gid') entry[key] = paxInteger(key, value)
  else if (key === 'mtime') entry.mtime = paxTime(key, value)
  else if (key.startsWith(xattrPrefix)) entry.xattrs.set(key.slice(xattrPrefix.length), value)
}
