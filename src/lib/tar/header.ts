// The 512-byte block that starts each entry of a tar archive: V7, ustar, star and GNU (POSIX pax, "ustar Interchange Format").

import { invalid } from '../errors.ts'

export const blockSize = 512

/** A header block as it stands there. Names are byte strings: one character per byte, as latin1 decodes them. */
export interface RawHeader {
  readonly format: 'v7' | 'ustar' | 'star' | 'gnu'
  readonly type: string
  readonly name: string
  readonly linkName: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes that follow in the archive. */
  readonly size: number
  /** Seconds since the Unix epoch. */
  readonly mtime: number
  readonly major: number
  readonly minor: number
}

/** The error for anything that no tar archive contains; `detail` says what. */
export const badTar = (detail: string) => invalid(`archive/tar: invalid tar header: ${detail}`)

/** Reads a header block; undefined if it is the zero block that ends an archive. Throws `invalid` if it is neither. */
export function parseHeader(block: Buffer): RawHeader | undefined {
  if (block[0] === 0 && isZero(block)) return undefined
  if (!hasChecksum(block)) throw badTar('checksum does not match')
  const format = formatOf(block)
  const hasDevice = format !== 'v7'
  return {
    format,
    type: String.fromCharCode(block[156] ?? 0),
    name: withPrefix(block, format, text(block, 0, 100)),
    linkName: text(block, 157, 100),
    mode: number(block, 100, 8, 'mode') & 0o7777,
    uid: number(block, 108, 8, 'uid'),
    gid: number(block, 116, 8, 'gid'),
    size: number(block, 124, 12, 'size'),
    mtime: number(block, 136, 12, 'mtime'),
    major: hasDevice ? number(block, 329, 8, 'devmajor') : 0,
    minor: hasDevice ? number(block, 337, 8, 'devminor') : 0,
  }
}

const zeroBlock = Buffer.alloc(blockSize)
const isZero = (block: Buffer) => zeroBlock.equals(block)

function formatOf(block: Buffer): RawHeader['format'] {
  const magic = block.toString('latin1', 257, 265)
  if (magic === 'ustar\x0000') return block.toString('latin1', 508, 512) === 'tar\0' ? 'star' : 'ustar'
  return magic === 'ustar  \0' ? 'gnu' : 'v7'
}

function withPrefix(block: Buffer, format: RawHeader['format'], name: string): string {
  if (format !== 'ustar' && format !== 'star') return name
  const prefix = text(block, 345, format === 'star' ? 131 : 155)
  return prefix === '' ? name : `${prefix}/${name}`
}

function text(block: Buffer, offset: number, length: number): string {
  const end = block.indexOf(0, offset)
  return block.toString('latin1', offset, end < 0 || end > offset + length ? offset + length : end)
}

// Old archivers summed signed characters, so either sum is right.
function hasChecksum(block: Buffer): boolean {
  let unsigned = 8 * 0x20
  let signed = unsigned
  for (let index = 0; index < blockSize; index++) {
    if (index >= 148 && index < 156) continue
    const byte = block[index] as number
    unsigned += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  const stored = number(block, 148, 8, 'checksum')
  return stored === unsigned || stored === signed
}

/** A number field: octal text, or base-256 (GNU) if the first bit is set. Throws if it is not an exact integer. */
export function number(block: Buffer, offset: number, length: number, field: string): number {
  const first = block[offset] as number
  return first & 0x80 ? base256(block, offset, length, field) : octal(block, offset, length, field)
}

function octal(block: Buffer, offset: number, length: number, field: string): number {
  let index = offset
  const end = offset + length
  while (index < end && isPadding(block[index])) index++
  let value = 0
  for (; index < end && !isPadding(block[index]); index++) {
    const digit = (block[index] as number) - 0x30
    if (digit < 0 || digit > 7) throw badTar(`bad number in ${field}`)
    value = value * 8 + digit
  }
  while (index < end && block[index] === 0x20) index++
  // After a NUL there may be rubbish, which Go does not read either.
  if (index < end && block[index] !== 0) throw badTar(`bad number in ${field}`)
  return value
}

const isPadding = (byte: number | undefined) => byte === 0x20 || byte === 0

function base256(block: Buffer, offset: number, length: number, field: string): number {
  const negative = ((block[offset] as number) & 0x40) !== 0
  let value = (block[offset] as number) & 0x3f
  if (negative) value -= 0x40
  for (let index = offset + 1; index < offset + length; index++) value = value * 256 + (block[index] as number)
  if (!Number.isSafeInteger(value)) throw badTar(`number in ${field} is too large`)
  return value
}
