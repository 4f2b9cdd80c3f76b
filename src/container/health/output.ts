// What a probe printed, as much of it as is kept.

/** Bytes of a probe's output that are kept: as many as dockerd keeps. */
export const longestOutput = 4096
const headerBytes = 8

/** Takes a shim's frames of standard output and error, in any pieces, and keeps the beginning of what is in them. */
export class ProbeOutput {
  readonly #kept = Buffer.alloc(longestOutput)
  #length = 0
  #truncated = false
  readonly #header = Buffer.alloc(headerBytes)
  #headerLength = 0
  #payloadLeft = 0

  /** Takes the next bytes of the stream. */
  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#payloadLeft > 0) {
        const payload = chunk.subarray(at, at + this.#payloadLeft)
        this.keep(payload)
        this.#payloadLeft -= payload.length
        at += payload.length
      } else {
        const part = chunk.subarray(at, at + headerBytes - this.#headerLength)
        this.#header.set(part, this.#headerLength)
        this.#headerLength += part.length
        at += part.length
        if (this.#headerLength === headerBytes) {
          this.#payloadLeft = this.#header.readUInt32BE(4)
          this.#headerLength = 0
        }
      }
    }
  }

  /** Keeps bytes that are in no frame; false once no more are kept. */
  keep(bytes: Buffer): boolean {
    const taken = bytes.subarray(0, longestOutput - this.#length)
    this.#kept.set(taken, this.#length)
    this.#length += taken.length
    this.#truncated ||= taken.length < bytes.length
    return !this.#truncated
  }

  /** What was kept, with dockerd's mark if there was more. */
  toString(): string {
    return this.#kept.toString('utf8', 0, this.#length) + (this.#truncated ? '...' : '')
  }
}
