// Extended headers of POSIX pax archives: records of the form "LENGTH KEY=VALUE\n".

import { badTar } from './header.ts'

/** A record; the value is raw, as extended attributes are bytes. */
export interface PaxRecord {
  readonly key: string
  readonly value: Buffer
}

const maximumRecords = 10_000
const space = 0x20
const newline = 0x0a
const equals = 0x3d

/** Splits the content of an `x` or `g` entry into its records, in order. Throws `invalid`. */
export function parsePax(content: Buffer): PaxRecord[] {
  const records: PaxRecord[] = []
  for (let offset = 0; offset < content.length; ) {
    const end = offset + recordLength(content, offset)
    records.push(parseRecord(content, content.indexOf(space, offset) + 1, end))
    if (records.length > maximumRecords) throw badTar('too many PAX records')
    offset = end
  }
  return records
}

function recordLength(content: Buffer, offset: number): number {
  const separator = content.indexOf(space, offset)
  const digits = separator < 0 ? '' : content.toString('latin1', offset, Math.min(separator, offset + 16))
  const length = /^[0-9]{1,15}$/.test(digits) ? Number(digits) : 0
  if (length < digits.length + 3 || offset + length > content.length) throw badTar('bad length of a PAX record')
  return length
}

function parseRecord(content: Buffer, start: number, end: number): PaxRecord {
  const separator = content.indexOf(equals, start)
  if (content[end - 1] !== newline || separator <= start || separator >= end - 1) throw badTar('bad PAX record')
  const key = content.toString('utf8', start, separator)
  const value = content.subarray(separator + 1, end - 1)
  const isText = textKeys.has(key)
  if (key.includes('\0') || (isText && value.includes(0)))
    throw badTar(`PAX record ${JSON.stringify(key)} contains a NUL`)
  return { key, value }
}

const textKeys: ReadonlySet<string> = new Set(['path', 'linkpath', 'uname', 'gname'])

/** A decimal integer of a record. Throws `invalid`. */
export function paxInteger(key: string, value: Buffer): number {
  const text = value.toString('latin1')
  const integer = /^-?[0-9]{1,19}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(integer)) throw badTar(`bad number in PAX record ${key}`)
  return integer
}

/** A time of a record, decimal seconds with any fraction, in nanoseconds. Throws `invalid`. */
export function paxTime(key: string, value: Buffer): bigint {
  const match = /^(-?)([0-9]{1,18})(?:\.([0-9]{0,64}))?$/.exec(value.toString('latin1'))
  if (!match) throw badTar(`bad time in PAX record ${key}`)
  const [, sign, seconds = '0', fraction = ''] = match
  const nanos = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  return sign === '-' ? -nanos : nanos
}

/** The content of an `x` entry with `records`, as the writer needs it. */
export function formatPax(records: Iterable<readonly [key: string, value: string | Buffer]>): Buffer {
  return Buffer.concat(Array.from(records, ([key, value]) => formatRecord(key, Buffer.from(value as string))))
}

// The length counts its own digits.
function formatRecord(key: string, value: Buffer): Buffer {
  const tail = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
  let length = tail.length
  while (`${length}`.length + tail.length !== length) length = `${length}`.length + tail.length
  return Buffer.concat([Buffer.from(`${length}`), tail])
}
