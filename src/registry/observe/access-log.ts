// The access log: a line of JSON for each request.

import { type WriteStream, createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import type { Served } from './served.ts'

/** Bytes that wait to be written; lines that would be more are left out. */
const mostWaiting = 16 << 20
/** Milliseconds between two attempts to go on in a file that failed. */
const pause = 1000

export class AccessLog implements AsyncDisposable {
  readonly #path: string
  #stream: WriteStream
  #tried = 0

  private constructor(path: string, stream: WriteStream) {
    this.#path = path
    this.#stream = stream
  }

  /** Opens the file for adding to it; `-` is standard output. Throws if it can't be opened. */
  static async open(path: string): Promise<AccessLog> {
    return new AccessLog(path, await opened(path))
  }

  /** Goes on in a file of that name as it is now: after rotation, a new one. What can't be opened leaves it as it was. */
  async reopen(): Promise<void> {
    if (this.#path === '-') return
    const stream = await opened(this.#path)
    const former = this.#stream
    this.#stream = stream
    former.end()
  }

  /** Adds a line. A disk that is full loses lines, not the registry, and none once there is room. */
  write(served: Served): void {
    if (this.#stream.destroyed) this.#tryAgain()
    else if (this.#stream.writableLength < mostWaiting) this.#stream.write(`${JSON.stringify(served)}\n`)
  }

  #tryAgain(): void {
    if (Date.now() - this.#tried < pause) return
    this.#tried = Date.now()
    this.reopen().catch(() => {})
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#path === '-') return
    this.#stream.end()
    // One that failed has ended already.
    await finished(this.#stream).catch(() => {})
  }
}

const ignore = () => {}

async function opened(path: string): Promise<WriteStream> {
  if (path === '-') {
    // Whoever reads it may go.
    process.stdout.off('error', ignore).on('error', ignore)
    return process.stdout as unknown as WriteStream
  }
  const stream = createWriteStream(path, { flags: 'a', mode: 0o640 })
  await once(stream, 'open')
  stream.on('error', ignore)
  return stream
}
