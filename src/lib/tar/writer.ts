// Writes tar archives: ustar, with a PAX header in front of an entry that does not fit.

import type { TarEntry, TarType } from './entry.ts'
import { blockSize } from './header.ts'
import { formatPax } from './pax.ts'

/** What an entry needs; everything else is zero. Names are byte strings, as in TarEntry. */
export type NewEntry = Pick<TarEntry, 'name' | 'type'> & Partial<TarEntry>

const typeFlags: Readonly<Record<TarType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
}

/** The two zero blocks that end an archive. */
export const endOfArchive = Buffer.alloc(2 * blockSize)

/** The zeros that follow `size` bytes of content, up to the next block. */
export const padding = (size: number): Buffer => Buffer.alloc((blockSize - (size % blockSize)) % blockSize)

/** The header blocks of an entry; the caller writes its content and the padding after it. */
export function formatHeader(entry: NewEntry): Buffer {
  const records = paxRecords(entry)
  const own = headerBlock(entry, typeFlags[entry.type])
  if (records.length === 0) return own
  const content = formatPax(records)
  const name = `PaxHeaders.0/${entry.name.slice(-80).replaceAll('/', '_')}`
  const extension = headerBlock({ name, type: 'file', mode: 0o644, size: content.length }, 'x')
  return Buffer.concat([extension, content, padding(content.length), own])
}

const largestOctal = { id: 0o7777777, size: 0o77777777777 } as const

function paxRecords(entry: NewEntry): [key: string, value: string | Buffer][] {
  const { name, linkName = '', uid = 0, gid = 0, size = 0, mtime = 0n, xattrs } = entry
  const records: [string, string | Buffer][] = []
  const add = (condition: boolean, key: string, value: string | Buffer) => condition && records.push([key, value])
  add(!fits(name, 100), 'path', Buffer.from(name, 'latin1'))
  add(!fits(linkName, 100), 'linkpath', Buffer.from(linkName, 'latin1'))
  add(uid > largestOctal.id, 'uid', `${uid}`)
  add(gid > largestOctal.id, 'gid', `${gid}`)
  add(size > largestOctal.size, 'size', `${size}`)
  add(mtime < 0n || mtime % second !== 0n || mtime > largestTime, 'mtime', formatSeconds(mtime))
  for (const [key, value] of xattrs ?? []) records.push([`SCHILY.xattr.${key}`, value])
  return records
}

const second = 1_000_000_000n
const largestTime = BigInt(largestOctal.size) * second

// ustar names are ASCII; anything else needs a record to say how it is meant.
const fits = (text: string, length: number) => text.length <= length && Buffer.byteLength(text) === text.length

function formatSeconds(nanos: bigint): string {
  const absolute = nanos < 0n ? -nanos : nanos
  const fraction = (absolute % second).toString().padStart(9, '0').replace(/0+$/, '')
  return `${nanos < 0n ? '-' : ''}${absolute / second}${fraction && `.${fraction}`}`
}

function headerBlock(entry: NewEntry, flag: string): Buffer {
  const { name, linkName = '', mode = 0, uid = 0, gid = 0, size = 0, mtime = 0n, major = 0, minor = 0 } = entry
  const block = Buffer.alloc(blockSize)
  block.write(name, 0, 100, 'latin1')
  octal(block, 100, 8, mode)
  octal(block, 108, 8, uid > largestOctal.id ? 0 : uid)
  octal(block, 116, 8, gid > largestOctal.id ? 0 : gid)
  octal(block, 124, 12, size > largestOctal.size ? 0 : size)
  octal(block, 136, 12, mtime < 0n || mtime > largestTime ? 0 : Number(mtime / second))
  block.write(flag, 156, 'latin1')
  block.write(linkName, 157, 100, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  octal(block, 329, 8, major)
  octal(block, 337, 8, minor)
  block.fill(0x20, 148, 156)
  octal(
    block,
    148,
    7,
    block.reduce((sum, byte) => sum + byte, 0),
  )
  return block
}

function octal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1')
}
