// Decompression of bzip2 by libbz2, as a stream with bounded memory (bzlib.h; at most 4 MiB per stream).

import { addressOf, bindLibrary } from './ffi.ts'
import { CorruptStreamError, MissingLibraryError, type StreamDecoder, outputSize } from './stream-decoder.ts'

const load = () =>
  bindLibrary('libbz2.so.1.0', {
    BZ2_bzDecompressInit: { arguments: ['pointer', 'i32', 'i32'], return: 'i32' },
    BZ2_bzDecompress: { arguments: ['pointer'], return: 'i32' },
    BZ2_bzDecompressEnd: { arguments: ['pointer'], return: 'i32' },
  })
let library: ReturnType<typeof load>

const BZ_OK = 0
const BZ_STREAM_END = 4
const problems: ReadonlyMap<number, string> = new Map([
  [-3, 'out of memory'],
  [-4, 'corrupt data'],
  [-5, 'not a bzip2 stream'],
])

// bz_stream: next_in (0), avail_in (8), next_out (24), avail_out (32), …; 80 bytes.
const streamSize = 80

/** Decodes one or more bzip2 streams, one after the other, as parallel compressors write them. */
export class Bzip2Decoder implements StreamDecoder {
  readonly #bytes = new ArrayBuffer(streamSize)
  readonly #pointers = new BigUint64Array(this.#bytes)
  readonly #numbers = new Uint32Array(this.#bytes)
  readonly #functions: NonNullable<typeof library>
  /** True inside a stream: between its first and its last byte. */
  #open = false

  constructor() {
    library ??= load()
    if (!library) throw new MissingLibraryError('bzip2', 'libbz2.so.1.0')
    this.#functions = library
  }

  *push(input: Buffer): Generator<Buffer, void, void> {
    this.#pointers[0] = input.length > 0 ? addressOf(input) : 0n
    this.#numbers[2] = input.length
    let filled = false
    while (filled || this.#inputLeft > 0) {
      this.#begin()
      const output = Buffer.allocUnsafeSlow(outputSize)
      this.#pointers[3] = addressOf(output)
      this.#numbers[8] = output.length
      this.#step()
      const produced = output.length - (this.#numbers[8] ?? 0)
      filled = this.#open && produced === output.length
      if (produced > 0) yield output.subarray(0, produced)
    }
  }

  finish(): Iterable<Buffer> {
    if (this.#open) throw new CorruptStreamError('bzip2', 'unexpected EOF')
    return []
  }

  get #inputLeft(): number {
    return this.#numbers[2] ?? 0
  }

  // Init writes only the library's own fields, so the input stays where it is.
  #begin(): void {
    if (this.#open) return
    this.#check(this.#functions.BZ2_bzDecompressInit(this.#pointers, 0, 0))
    this.#open = true
  }

  #step(): void {
    const result = this.#functions.BZ2_bzDecompress(this.#pointers)
    if (result === BZ_STREAM_END) this.#end()
    else this.#check(result)
  }

  #end(): void {
    if (this.#open) this.#functions.BZ2_bzDecompressEnd(this.#pointers)
    this.#open = false
  }

  #check(result: number): void {
    if (result !== BZ_OK) throw new CorruptStreamError('bzip2', problems.get(result) ?? `error ${result}`)
  }

  [Symbol.dispose](): void {
    this.#end()
  }
}
