// The gelf driver: Graylog's format, in (chunked) datagrams or on a TCP stream. https://go2docs.graylog.org/current/getting_in_log_data/gelf.html

import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { deflateSync, gzipSync } from 'node:zlib'
import { attributesOf } from './attributes.ts'
import { openStream, openUdp } from './channel.ts'
import { type GelfOptions, parseGelfOptions } from './gelf-options.ts'
import { type Sink, defaultRetryWait } from './sink.ts'
import type { LogOptions, LogSubject } from './subject.ts'
import { defaultTag, tagOf } from './tag.ts'

/** The sink of a container with the gelf driver. */
export function gelfSink(options: LogOptions, subject: LogSubject): Sink {
  const target = parseGelfOptions(options)
  const host = target.host || 'localhost'
  const extra = extraFields(options, subject)
  const delay = Number(options['gelf-tcp-reconnect-delay'] ?? 0) * 1000
  return {
    retryWait: delay || defaultRetryWait,
    open: signal =>
      target.kind === 'udp'
        ? openUdp(host, target.port, signal)
        : openStream({ kind: 'tcp', host, port: target.port }, signal),
    encode({ text, stream, time }) {
      // A message must not be empty.
      if (text === '') return []
      const json = JSON.stringify({
        version: '1.1',
        host: hostname(),
        short_message: text,
        timestamp: Number(time / 1_000_000n) / 1000,
        level: stream === 'stderr' ? 3 : 6,
        ...extra,
      })
      return target.kind === 'udp' ? datagrams(compress(json, target)) : [Buffer.from(`${json}\0`)]
    },
  }
}

const underlined = (name: string) => (name.startsWith('_') ? name : `_${name}`)

function extraFields(options: LogOptions, subject: LogSubject): Record<string, string> {
  return {
    _container_id: subject.id,
    _container_name: subject.name,
    _image_id: subject.imageId,
    _image_name: subject.imageName,
    _command: subject.argv.join(' '),
    _tag: tagOf(options, subject, defaultTag),
    _created: subject.created,
    ...attributesOf(options, subject, underlined),
  }
}

function compress(json: string, { compression, level }: GelfOptions): Buffer {
  if (compression === 'none') return Buffer.from(json)
  return compression === 'zlib' ? deflateSync(json, { level }) : gzipSync(json, { level })
}

// What goes through the usual networks in one piece.
const datagramSize = 1420
const chunkHeaderSize = 12
const chunkSize = datagramSize - chunkHeaderSize
const mostChunks = 128

/** A message as datagrams: chunks, if it doesn't fit in one. The longest line there is fits in 128. */
function datagrams(message: Buffer): Buffer[] {
  if (message.length <= datagramSize) return [message]
  const count = Math.ceil(message.length / chunkSize)
  if (count > mostChunks) return []
  const id = randomBytes(8)
  return Array.from({ length: count }, (_, number) => {
    const part = message.subarray(number * chunkSize, (number + 1) * chunkSize)
    return Buffer.concat([Buffer.from([0x1e, 0x0f]), id, Buffer.from([number, count]), part])
  })
}
