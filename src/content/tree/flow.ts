// Bytes between two threads, in both directions, with back-pressure: no more than a window is under way.

import type { MessagePort } from 'node:worker_threads'

/** What one side tells the other about the bytes. */
export type FlowMessage =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'taken'; readonly count: number }
  | { readonly type: 'end' }

/** Bytes that may be on their way before the other side has taken them. */
const window = 2 << 20

export class Flow {
  readonly #port: MessagePort
  readonly #queue: Buffer[] = []
  #underWay = 0
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wake = Promise.withResolvers<void>()

  /** Sends over `port`; whoever owns it hands what comes to `receive`. */
  constructor(port: MessagePort) {
    this.#port = port
  }

  receive(message: FlowMessage): void {
    if (message.type === 'bytes') this.#queue.push(Buffer.from(message.bytes.buffer as ArrayBuffer))
    else if (message.type === 'taken') this.#underWay -= message.count
    else this.#ended = true
    this.#notify()
  }

  /** Makes everything that waits, and will wait, throw `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#notify()
  }

  #notify(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  /** Sends `bytes`, which must own their memory and are gone afterwards; waits until there is room for more. */
  async send(bytes: Buffer): Promise<void> {
    if (this.#failure) throw this.#failure.error
    this.#underWay += bytes.length
    this.#port.postMessage({ type: 'bytes', bytes } satisfies FlowMessage, [bytes.buffer as ArrayBuffer])
    while (this.#underWay > window && !this.#failure) await this.#wake.promise
    if (this.#failure) throw (this.#failure as { readonly error: unknown }).error
  }

  /** Says that no more bytes come from this side. */
  end(): void {
    this.#port.postMessage({ type: 'end' } satisfies FlowMessage, [])
  }

  /** The bytes from the other side, to their end. */
  async *received(): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      if (this.#failure) throw this.#failure.error
      const bytes = this.#queue.shift()
      if (bytes) {
        yield bytes
        this.#port.postMessage({ type: 'taken', count: bytes.length } satisfies FlowMessage, [])
      } else if (this.#ended) return
      else await this.#wake.promise
    }
  }
}
