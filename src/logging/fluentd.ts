// The fluentd driver: the Forward protocol, a message for each line. https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1

import { randomBytes } from 'node:crypto'
import { ExtData, decodeMultiStream, encode } from '@msgpack/msgpack'
import { attributesOf } from './attributes.ts'
import { type Channel, StreamChannel } from './channel.ts'
import type { LogMessage } from './entry.ts'
import { type FluentdAddress, parseFluentdOptions } from './fluentd-options.ts'
import type { Sink } from './sink.ts'
import type { LogOptions, LogSubject } from './subject.ts'
import { defaultTag, tagOf } from './tag.ts'

/** The sink of a container with the fluentd driver. */
export function fluentdSink(options: LogOptions, subject: LogSubject): Sink {
  const { address, retryWait, subSecondPrecision, requestAck } = parseFluentdOptions(options)
  const tag = tagOf(options, subject, defaultTag)
  const facts = {
    container_id: subject.id,
    container_name: `/${subject.name}`,
    ...attributesOf(options, subject),
  }
  return {
    retryWait,
    async open(signal) {
      const stream = await StreamChannel.open(targetOf(address), signal)
      return requestAck ? new AcknowledgedChannel(stream) : stream.withoutAnswers()
    },
    encode(message) {
      const { text, stream, time } = message
      const record = { ...facts, source: stream, log: text, ...partialFields(message) }
      const when = subSecondPrecision ? eventTime(time) : Number(time / 1_000_000_000n)
      const parts = [tag, when, record]
      if (!requestAck) return [bytesOf(encode(parts))]
      const chunk = randomBytes(16).toString('base64')
      const bytes = bytesOf(encode([...parts, { chunk }]))
      chunks.set(bytes, chunk)
      return [bytes]
    },
  }
}

// What the collector is to acknowledge each message with.
const chunks = new WeakMap<Buffer, string>()

const bytesOf = (array: Uint8Array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength)

const targetOf = (address: FluentdAddress) =>
  address.kind === 'tls' ? { ...address, kind: 'tls' as const, options: {} } : address

function partialFields({ partial }: LogMessage): Record<string, string> {
  if (!partial) return {}
  return {
    partial_message: 'true',
    partial_id: partial.id,
    partial_ordinal: String(partial.ordinal),
    partial_last: String(partial.last),
  }
}

// Seconds and nanoseconds as extension type 0.
function eventTime(nanos: bigint): ExtData {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(Number(nanos / 1_000_000_000n) % 2 ** 32, 0)
  bytes.writeUInt32BE(Number(nanos % 1_000_000_000n), 4)
  return new ExtData(0, bytes)
}

/** Milliseconds that the collector may take to acknowledge. */
const ackPatience = 30_000

/** Handed over is what the collector has acknowledged, message by message. */
class AcknowledgedChannel implements Channel {
  readonly #stream: StreamChannel
  readonly #answers: AsyncIterator<unknown>

  constructor(stream: StreamChannel) {
    this.#stream = stream
    this.#answers = decodeMultiStream(stream.socket)[Symbol.asyncIterator]()
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    const giveUp = setTimeout(() => this.#stream.socket.destroy(new Error('no acknowledgement came')), ackPatience)
    try {
      await this.#stream.send(messages)
      for (const message of messages) await this.#acknowledged(chunks.get(message))
    } finally {
      clearTimeout(giveUp)
    }
  }

  // Collectors answer in the order in which they were asked, and each chunk has one answer.
  async #acknowledged(chunk: string | undefined): Promise<void> {
    const { done, value } = await this.#answers.next()
    if (done || typeof value !== 'object' || value === null || !('ack' in value)) {
      throw new Error('the collector ended without an acknowledgement')
    }
    if (value.ack !== chunk) throw new Error('the collector acknowledged what it was not sent')
  }

  [Symbol.dispose]() {
    this.#stream[Symbol.dispose]()
  }
}
