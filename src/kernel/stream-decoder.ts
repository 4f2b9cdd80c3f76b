// What decompressors of shared libraries have in common.

/** Turns compressed pieces into pieces of the original. After an error only disposal is allowed. */
export interface StreamDecoder extends Disposable {
  /** The output that `input` allows for. Throws CorruptStreamError. */
  push(input: Buffer): Iterable<Buffer>
  /** The rest, once there is no more input. Throws CorruptStreamError if that came too early. */
  finish(): Iterable<Buffer>
}

/** Bytes of one piece of output: all that is decompressed before the consumer has taken the last one. */
export const outputSize = 256 << 10

/** The input is not what the format allows. */
export class CorruptStreamError extends Error {
  constructor(format: string, problem: string) {
    super(`${format}: ${problem}`)
    this.name = 'CorruptStreamError'
  }
}

/** The library for a format is not installed. */
export class MissingLibraryError extends Error {
  constructor(format: string, soname: string) {
    super(`${format} can't be decompressed: ${soname} is not installed`)
    this.name = 'MissingLibraryError'
  }
}
