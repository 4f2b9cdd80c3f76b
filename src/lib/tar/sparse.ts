// Sparse files in tar archives: GNU's old format and the PAX formats 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse Files").

import { badTar, number } from './header.ts'
import { type PaxRecord, paxInteger } from './pax.ts'

/** A piece of the file that has content; everything between pieces is a hole. Bytes. */
export interface SparseChunk {
  readonly offset: number
  readonly length: number
}

/** More pieces than this are refused: each costs memory while the archive itself may be compressed to nothing. */
export const maximumChunks = 1 << 17

/** Checks that the pieces are ordered, lie within `size` and hold exactly `stored` bytes. Throws `invalid`. */
export function checkSparse(chunks: readonly SparseChunk[], size: number, stored: number): void {
  let end = 0
  let total = 0
  for (const { offset, length } of chunks) {
    if (offset < end || length < 0 || offset + length > size) throw badTar('bad sparse map')
    end = offset + length
    total += length
  }
  if (total !== stored) throw badTar('sparse map does not match the content')
}

/** The pieces listed in an old GNU header or one of its extension blocks, from `offset`; an empty entry ends the list. */
export function gnuChunks(block: Buffer, offset: number, count: number): SparseChunk[] {
  const chunks: SparseChunk[] = []
  for (let index = 0; index < count; index++) {
    const at = offset + index * 24
    if (block[at] === 0) break
    chunks.push({ offset: number(block, at, 12, 'sparse map'), length: number(block, at + 12, 12, 'sparse map') })
  }
  return chunks
}

/** What PAX records say of a sparse file. `inContent` means that the map precedes the data (format 1.0). */
export interface PaxSparse {
  readonly name?: string
  readonly size?: number
  readonly chunks: readonly SparseChunk[] | 'inContent'
}

/** Reads the sparse records; undefined if there are none, or of a version nobody knows. Throws `invalid`. */
export function paxSparse(records: readonly PaxRecord[]): PaxSparse | undefined {
  const last = new Map(records.map(({ key, value }) => [key, value]))
  const version = `${last.get('GNU.sparse.major') ?? ''}.${last.get('GNU.sparse.minor') ?? ''}`
  const chunks = version === '1.0' ? 'inContent' : paxChunks(records)
  if (version !== '1.0' && !(['0.0', '0.1', '.'].includes(version) && chunks.length > 0)) return undefined
  const sizeKey = last.has('GNU.sparse.size') ? 'GNU.sparse.size' : 'GNU.sparse.realsize'
  const size = last.get(sizeKey)
  return {
    name: last.get('GNU.sparse.name')?.toString('latin1'),
    size: size && paxInteger(sizeKey, size),
    chunks,
  }
}

// 0.1 has one record with all numbers, 0.0 a pair of records for each piece.
function paxChunks(records: readonly PaxRecord[]): SparseChunk[] {
  const map = records.findLast(({ key }) => key === 'GNU.sparse.map')
  if (map) return pairs(splitNumbers(map))
  const numbers = records.filter(({ key }) => key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
  const ordered = numbers.every(({ key }, index) => key === (index % 2 ? 'GNU.sparse.numbytes' : 'GNU.sparse.offset'))
  if (!ordered) throw badTar('bad sparse map')
  return pairs(numbers.map(({ key, value }) => paxInteger(key, value)))
}

function splitNumbers({ key, value }: PaxRecord): number[] {
  if (value.length === 0) return []
  return value
    .toString('latin1')
    .split(',', 2 * maximumChunks + 1)
    .map(text => paxInteger(key, Buffer.from(text, 'latin1')))
}

/** Pairs of offset and length as pieces. Throws `invalid`. */
export function pairs(numbers: readonly number[]): SparseChunk[] {
  if (numbers.length % 2 === 1 || numbers.length > 2 * maximumChunks) throw badTar('bad sparse map')
  const chunks: SparseChunk[] = []
  for (let index = 0; index < numbers.length; index += 2) {
    const [offset = 0, length = 0] = numbers.slice(index, index + 2)
    if (offset < 0 || length < 0) throw badTar('bad sparse map')
    chunks.push({ offset, length })
  }
  return chunks
}
