// Decompression of xz by liblzma, as a stream with bounded memory (lzma/base.h, lzma/container.h).

import { addressOf, bindLibrary } from './ffi.ts'
import { CorruptStreamError, MissingLibraryError, type StreamDecoder, outputSize } from './stream-decoder.ts'

const load = () =>
  bindLibrary('liblzma.so.5', {
    lzma_stream_decoder: { arguments: ['pointer', 'u64', 'u32'], return: 'i32' },
    lzma_code: { arguments: ['pointer', 'i32'], return: 'i32' },
    lzma_end: { arguments: ['pointer'], return: 'void' },
  })
let library: ReturnType<typeof load>

const LZMA_CONCATENATED = 0x08
const LZMA_RUN = 0
const LZMA_FINISH = 3
const LZMA_OK = 0
const LZMA_STREAM_END = 1
const LZMA_BUF_ERROR = 10
const problems: ReadonlyMap<number, string> = new Map([
  [5, 'out of memory'],
  [6, 'needs too much memory'],
  [7, 'not an xz stream'],
  [8, 'unsupported options'],
  [9, 'corrupt data'],
])

/** `xz -9` needs 65 MiB; archives made with larger dictionaries do exist. */
const memoryLimit = 512n << 20n

// lzma_stream: next_in, avail_in, total_in, next_out, avail_out, total_out, … in 64-bit words; 136 bytes.
const streamSize = 136
const nextIn = 0
const availableIn = 1
const nextOut = 3
const availableOut = 4

/** Decodes one or more xz streams, one after the other. */
export class XzDecoder implements StreamDecoder {
  readonly #stream = new BigUint64Array(streamSize / 8)
  readonly #functions: NonNullable<typeof library>
  #ended = false

  constructor() {
    library ??= load()
    if (!library) throw new MissingLibraryError('xz', 'liblzma.so.5')
    this.#functions = library
    this.#check(library.lzma_stream_decoder(this.#stream, memoryLimit, LZMA_CONCATENATED))
  }

  *push(input: Buffer): Generator<Buffer, void, void> {
    if (input.length > 0) yield* this.#code(input, LZMA_RUN)
  }

  *finish(): Generator<Buffer, void, void> {
    yield* this.#code(Buffer.alloc(0), LZMA_FINISH)
    if (!this.#ended) throw new CorruptStreamError('xz', 'unexpected EOF')
  }

  *#code(input: Buffer, action: number): Generator<Buffer, void, void> {
    const stream = this.#stream
    stream[nextIn] = input.length > 0 ? addressOf(input) : 0n
    stream[availableIn] = BigInt(input.length)
    for (let filled = true; filled && !this.#ended; ) {
      const output = Buffer.allocUnsafeSlow(outputSize)
      stream[nextOut] = addressOf(output)
      stream[availableOut] = BigInt(output.length)
      this.#check(this.#functions.lzma_code(stream, action))
      const produced = output.length - Number(stream[availableOut])
      filled = produced === output.length
      if (produced > 0) yield output.subarray(0, produced)
    }
  }

  // No progress means that the input ended too early, which `finish` reports.
  #check(result: number): void {
    if (result === LZMA_STREAM_END) this.#ended = true
    else if (result !== LZMA_OK && result !== LZMA_BUF_ERROR) {
      throw new CorruptStreamError('xz', problems.get(result) ?? `error ${result}`)
    }
  }

  [Symbol.dispose](): void {
    this.#functions.lzma_end(this.#stream)
  }
}
