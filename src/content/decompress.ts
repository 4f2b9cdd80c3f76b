// Decompression of layers and archives: the format is told by its first bytes, the work done by libraries, never by programs.

import { Readable, pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { Bzip2Decoder } from '../kernel/bzip2.ts'
import { XzDecoder } from '../kernel/lzma.ts'
import { CorruptStreamError, MissingLibraryError, type StreamDecoder } from '../kernel/stream-decoder.ts'
import { invalid, unavailable } from '../lib/errors.ts'
import { type ExpansionBounds, beyond, defaultLimits } from './limits.ts'

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2'

const magics: readonly (readonly [Compression, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b, 0x08])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['bzip2', Buffer.from('BZh')],
]
const longestMagic = 6

/** Output pieces: large ones cost fewer turns of the event loop, and no more than a few exist at a time. */
const chunkSize = 1 << 20

/** The compression that `start`, the first six bytes or all there are, announces. */
export function compressionOf(start: Buffer): Compression {
  const known = magics.find(([, magic]) => start.subarray(0, magic.length).equals(magic))
  if (known) return known[0]
  // A zstd stream may begin with frames that are to be skipped.
  const skippable = start.length >= 4 && start.readUInt32LE(0) >>> 4 === 0x184d2a5
  return skippable ? 'zstd' : 'none'
}

/**
 * The original bytes of `source`, in pieces; the memory used does not depend on its content. Ending the iteration early
 * ends that of `source`. Throws `invalid` if the compressed data is damaged or truncated, or expands beyond `bounds`.
 * `found` is told what they were compressed by, before the first piece.
 */
export async function* decompress(
  source: AsyncIterable<Buffer>,
  bounds: ExpansionBounds = defaultLimits.expansion,
  found: (compression: Compression) => void = () => {},
): AsyncGenerator<Buffer, void, void> {
  const counted = new CountedSource(source)
  const { start, all } = await peek(counted)
  const compression = compressionOf(start)
  found(compression)
  let output = 0
  try {
    for await (const piece of decoded(all, compression)) {
      output += piece.length
      if (output > bounds.free && output > bounds.ratio * counted.bytes) {
        throw beyond('ratio', `${compression}: the data expands to more than ${bounds.ratio} times its size`)
      }
      yield piece
    }
  } catch (error) {
    throw translate(error, compression)
  }
}

class CountedSource implements AsyncIterable<Buffer> {
  readonly #source: AsyncIterable<Buffer>
  /** What has been taken so far. */
  bytes = 0

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    for await (const chunk of this.#source) {
      this.bytes += chunk.length
      yield chunk
    }
  }
}

function decoded(source: AsyncIterable<Buffer>, compression: Compression): AsyncIterable<Buffer> {
  switch (compression) {
    case 'none':
      return source
    case 'gzip':
      return throughStream(source, createGunzip({ chunkSize }))
    case 'zstd':
      return throughStream(source, createZstdDecompress({ chunkSize }))
    case 'xz':
      return throughDecoder(source, new XzDecoder())
    case 'bzip2':
      return throughDecoder(source, new Bzip2Decoder())
  }
}

/** The first bytes of `source`, and all of it as if nothing had been read. */
async function peek(source: AsyncIterable<Buffer>): Promise<{ start: Buffer; all: AsyncIterable<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]()
  let start: Buffer = Buffer.alloc(0)
  while (start.length < longestMagic) {
    const next = await iterator.next()
    if (next.done) break
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value])
  }
  return { start, all: resume(start, iterator) }
}

async function* resume(start: Buffer, iterator: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, void> {
  try {
    if (start.length > 0) yield start
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}

async function* throughStream(source: AsyncIterable<Buffer>, decoder: NodeJS.ReadWriteStream & Readable) {
  const output = pipeline(Readable.from(source, { objectMode: false }), decoder, () => {})
  yield* output as AsyncIterable<Buffer>
}

async function* throughDecoder(source: AsyncIterable<Buffer>, owned: StreamDecoder) {
  using decoder = owned
  for await (const chunk of source) yield* decoder.push(chunk)
  yield* decoder.finish()
}

function translate(error: unknown, compression: Compression): unknown {
  if (error instanceof MissingLibraryError) return unavailable(error.message, { cause: error })
  if (error instanceof CorruptStreamError) return invalid(error.message, { cause: error })
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!/^(Z_|ZSTD_|ERR_ZLIB|ERR_ZSTD)/.test(code)) return error
  const problem = code === 'Z_BUF_ERROR' ? 'unexpected EOF' : (error as Error).message
  return invalid(`${compression}: ${problem}`, { cause: error })
}
