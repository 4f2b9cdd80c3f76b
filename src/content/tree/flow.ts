// Bytes between two threads, in both directions, with back-pressure: no more than a window is under way.

import type { MessagePort } from 'node:worker_threads'

/** What one side tells the other about the bytes. */
export type FlowMessage =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'taken'; readonly count: number; readonly memory?: ArrayBuffer }
  | { readonly type: 'end' }

/** Bytes that go in one message. */
const batchSize = 256 * 1024
/** Bytes that may be on their way before the other side has taken them. */
const window = 8 * batchSize

/** One side of a conversation. */
export class Flow {
  readonly #port: MessagePort
  readonly #returnsMemory: boolean
  readonly #queue: Buffer[] = []
  readonly #spare: ArrayBuffer[] = []
  #batch: Buffer | undefined
  #filled = 0
  #underWay = 0
  #ended = false
  #failure: { readonly error: unknown } | undefined
  #wake = Promise.withResolvers<void>()

  /**
   * Sends over `port`; whoever owns it hands what comes to `receive`. With `returnsMemory` the memory of whole batches is used
   * again by the other side as soon as the next one is asked for.
   */
  constructor(port: MessagePort, { returnsMemory }: { returnsMemory: boolean }) {
    this.#port = port
    this.#returnsMemory = returnsMemory
  }

  receive(message: FlowMessage): void {
    if (message.type === 'bytes') {
      const { buffer, byteOffset, byteLength } = message.bytes
      this.#queue.push(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength))
    } else if (message.type === 'taken') {
      this.#underWay -= message.count
      if (message.memory) this.#spare.push(message.memory)
    } else this.#ended = true
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

  /** Sends copies of `pieces`, as fast as the other side takes them. */
  async send(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of pieces) {
      for (let rest = piece; rest.length > 0; ) {
        rest = rest.subarray(this.#put(rest))
        if (this.#filled === batchSize) await this.#flush()
      }
    }
    await this.#flush()
  }

  #put(bytes: Uint8Array): number {
    this.#batch ??= Buffer.from(this.#spare.pop() ?? new ArrayBuffer(batchSize))
    const part = bytes.subarray(0, batchSize - this.#filled)
    this.#batch.set(part, this.#filled)
    this.#filled += part.length
    return part.length
  }

  async #flush(): Promise<void> {
    this.#throwIfFailed()
    const bytes = this.#batch?.subarray(0, this.#filled)
    if (!bytes || bytes.length === 0) return
    this.#batch = undefined
    this.#filled = 0
    this.#underWay += bytes.length
    this.#port.postMessage({ type: 'bytes', bytes } satisfies FlowMessage, [bytes.buffer as ArrayBuffer])
    while (this.#underWay >= window && !this.#failure) await this.#wake.promise
    this.#throwIfFailed()
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error
  }

  /** Says that no more bytes come from this side. */
  end(): void {
    this.#port.postMessage({ type: 'end' } satisfies FlowMessage, [])
  }

  /** The bytes from the other side, to their end. */
  async *received(): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      this.#throwIfFailed()
      const bytes = this.#queue.shift()
      if (bytes) {
        yield bytes
        this.#acknowledge(bytes)
      } else if (this.#ended) return
      else await this.#wake.promise
    }
  }

  #acknowledge({ length, buffer }: Buffer): void {
    // What is shorter than a stream's mark may wait there although more is asked for.
    const memory = this.#returnsMemory && length === batchSize ? (buffer as ArrayBuffer) : undefined
    this.#port.postMessage({ type: 'taken', count: length, memory } satisfies FlowMessage, memory ? [memory] : [])
  }
}
