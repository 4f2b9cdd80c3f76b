// The access log: a line of JSON for each request.

import { type WriteStream, createWriteStream } from 'node:fs'
import { once } from 'node:events'
import type { Served } from './served.ts'

export class AccessLog implements AsyncDisposable {
  readonly #path: string
  #stream: WriteStream

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

  write(served: Served): void {
    this.#stream.write(`${JSON.stringify(served)}\n`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#path === '-') return
    this.#stream.end()
    await once(this.#stream, 'close')
  }
}

async function opened(path: string): Promise<WriteStream> {
  if (path === '-') return process.stdout as unknown as WriteStream
  const stream = createWriteStream(path, { flags: 'a', mode: 0o640 })
  await once(stream, 'open')
  // A disk that is full loses lines, not the registry.
  stream.on('error', () => {})
  return stream
}
