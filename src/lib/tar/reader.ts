// Reads tar archives of every form in use, as bytes arrive: what Go's archive/tar accepts, as images are made with it.

import { invalid } from '../errors.ts'
import { type Header, type TarEntry, entryOf } from './entry.ts'
import { badTar, blockSize, number, parseHeader } from './header.ts'
import { type PaxRecord, paxInteger, parsePax } from './pax.ts'
import { type PaxSparse, type SparseChunk, checkSparse, gnuChunks, maximumChunks, pairs, paxSparse } from './sparse.ts'

/** `data` comes between `entry` and `end`, in order; what lies between two pieces of data is a hole. */
export type TarEvent =
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  | { readonly kind: 'data'; readonly bytes: Buffer; readonly offset: number }
  | { readonly kind: 'end' }

/** Largest PAX header or long name, in bytes; Go's limit. */
const maximumMetaSize = 1 << 20

/** Needs more input before it can go on. */
const more = Symbol('more')
type Step<T> = Generator<TarEvent | typeof more, T, void>

/** A tar archive that is pushed in piece by piece, of any size; memory stays bounded whatever it contains. */
export class TarReader {
  #chunk: Buffer = Buffer.alloc(0)
  #offset = 0
  #ended = false
  /** Bytes of the archive before the present chunk. */
  #before = 0
  readonly #machine = this.#archive()

  /** Bytes of the archive that have been read; for messages. */
  get position(): number {
    return this.#before + this.#offset
  }

  /** The events that `chunk` completes. Their bytes are views of it. Throws `invalid` if it is no tar archive. */
  *push(chunk: Buffer): Generator<TarEvent, void, void> {
    this.#before += this.#chunk.length
    this.#chunk = chunk
    this.#offset = 0
    yield* this.#run()
  }

  /** Says that the archive has ended; the events that completes. Throws `invalid` if it was truncated. */
  finish(): Generator<TarEvent, void, void> {
    this.#ended = true
    return this.#run()
  }

  *#run(): Generator<TarEvent, void, void> {
    for (;;) {
      const { value, done } = this.#machine.next()
      if (done || value === more) return
      yield value
    }
  }

  *#archive(): Step<void> {
    while (!(yield* this.#atEnd())) {
      const header = yield* this.#header()
      if (!header) break
      yield* this.#entry(header)
    }
    // What follows the end of an archive means nothing, but it may be there.
    for (;;) {
      this.#offset = this.#chunk.length
      yield more
    }
  }

  *#entry(header: Header): Step<void> {
    const entry = entryOf(header)
    const sparse = entry.type === 'file' ? paxSparse(header.records) : undefined
    if (header.raw.type === 'S') yield* this.#oldSparseFile(entry, header)
    else if (sparse) yield* this.#paxSparseFile(entry, sparse)
    else yield* this.#sparseData(entry, [{ offset: 0, length: entry.size }], entry.size)
    yield { kind: 'end' }
  }

  /** The entry's own header, after the ones that extend it; undefined at the end of the archive. */
  *#header(): Step<Header | undefined> {
    let records: readonly PaxRecord[] = []
    let longName: string | undefined
    let longLink: string | undefined
    for (;;) {
      const block = yield* this.#block()
      const raw = parseHeader(block)
      if (!raw) return yield* this.#secondZeroBlock()
      if (raw.type === 'x') records = parsePax(yield* this.#meta(raw.size))
      // Docker reads global records and drops them; an image must not look different here.
      else if (raw.type === 'g') parsePax(yield* this.#meta(raw.size))
      else if (raw.type === 'L') longName = untilNul(yield* this.#meta(raw.size))
      else if (raw.type === 'K') longLink = untilNul(yield* this.#meta(raw.size))
      else return { raw, block, records, longName, longLink }
    }
  }

  // An archive ends with two zero blocks; Go accepts one if nothing follows.
  *#secondZeroBlock(): Step<undefined> {
    if (yield* this.#atEnd()) return undefined
    if (parseHeader(yield* this.#block())) throw badTar('a zero block inside the archive')
    return undefined
  }

  *#oldSparseFile(entry: TarEntry, { raw, block }: Header): Step<void> {
    if (raw.format !== 'gnu') throw badTar('a sparse file that is not in GNU format')
    const chunks = gnuChunks(block, 386, 4)
    const size = number(block, 483, 12, 'real size')
    let extended = block[482] !== 0
    while (extended) {
      const extension = yield* this.#block()
      chunks.push(...gnuChunks(extension, 0, 21))
      if (chunks.length > maximumChunks) throw badTar('sparse map is too long')
      extended = extension[504] !== 0
    }
    yield* this.#sparseData({ ...entry, size }, chunks, entry.size)
  }

  *#paxSparseFile(entry: TarEntry, sparse: PaxSparse): Step<void> {
    const named = { ...entry, name: sparse.name || entry.name, size: sparse.size ?? entry.size }
    if (sparse.chunks !== 'inContent') return yield* this.#sparseData(named, sparse.chunks, entry.size)
    const [chunks, mapSize] = yield* this.#sparseMap(entry.size)
    yield* this.#sparseData(named, chunks, entry.size - mapSize)
  }

  /** The map of format 1.0: decimal numbers on lines of their own, the first being the count of pieces. */
  *#sparseMap(available: number): Step<[SparseChunk[], mapSize: number]> {
    const numbers: number[] = []
    let rest = ''
    for (let read = blockSize; read <= available; read += blockSize) {
      const lines = (rest + (yield* this.#block()).toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > blockSize) throw badTar('bad sparse map')
      for (const line of lines) {
        numbers.push(mapNumber(line))
        if (numbers.length === 1 + 2 * (numbers[0] ?? 0)) return [pairs(numbers.slice(1)), read]
        if (numbers.length > 2 * maximumChunks) throw badTar('sparse map is too long')
      }
    }
    throw badTar('sparse map is truncated')
  }

  *#sparseData(entry: TarEntry, chunks: readonly SparseChunk[], stored: number): Step<void> {
    checkSparse(chunks, entry.size, stored)
    yield { kind: 'entry', entry }
    for (const { offset, length } of chunks) yield* this.#data(length, offset)
    yield* this.#padding(stored)
  }

  *#data(length: number, start: number): Step<void> {
    for (let done = 0; done < length; ) {
      const bytes = yield* this.#some(length - done)
      yield { kind: 'data', bytes, offset: start + done }
      done += bytes.length
    }
  }

  *#padding(size: number): Step<void> {
    for (let left = (blockSize - (size % blockSize)) % blockSize; left > 0; ) {
      // Some archivers leave out the padding of the last file, and Go does not mind.
      if (yield* this.#atEnd()) return
      left -= (yield* this.#some(left)).length
    }
  }

  *#meta(size: number): Step<Buffer> {
    if (size < 0 || size > maximumMetaSize) throw badTar(`extended header of ${size} bytes`)
    const content = yield* this.#exactly(size)
    yield* this.#padding(size)
    return content
  }

  *#block(): Step<Buffer> {
    const start = this.#offset
    if (start + blockSize > this.#chunk.length) return yield* this.#exactly(blockSize)
    this.#offset += blockSize
    return this.#chunk.subarray(start, start + blockSize)
  }

  *#exactly(length: number): Step<Buffer> {
    const result = Buffer.alloc(length)
    for (let filled = 0; filled < length; ) {
      const bytes = yield* this.#some(length - filled)
      result.set(bytes, filled)
      filled += bytes.length
    }
    return result
  }

  /** At least one and at most `most` bytes. */
  *#some(most: number): Step<Buffer> {
    if (yield* this.#atEnd()) throw invalid('archive/tar: the archive is truncated: unexpected EOF')
    const start = this.#offset
    this.#offset = Math.min(start + most, this.#chunk.length)
    return this.#chunk.subarray(start, this.#offset)
  }

  *#atEnd(): Step<boolean> {
    while (this.#offset >= this.#chunk.length) {
      if (this.#ended) return true
      yield more
    }
    return false
  }
}

function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end)
}

function mapNumber(line: string): number {
  return paxInteger('sparse map', Buffer.from(line, 'latin1'))
}
