// The journald driver: the journal's native protocol. https://systemd.io/JOURNAL_NATIVE_PROTOCOL

import { attributesOf } from './attributes.ts'
import { openUnixDatagram } from './channel.ts'
import type { LogMessage } from './entry.ts'
import { type Sink, defaultRetryWait } from './sink.ts'
import type { LogOptions, LogSubject } from './subject.ts'
import { defaultTag, tagOf } from './tag.ts'
import { formatTime } from '../lib/clock.ts'
import { shortId } from '../lib/ids.ts'

/** Where the journal listens. */
export const journalSocket = '/run/systemd/journal/socket'

/** The sink of a container with the journald driver; the journal listens at `path`. */
export function journaldSink(options: LogOptions, subject: LogSubject, path: string = journalSocket): Sink {
  const tag = tagOf(options, subject, defaultTag)
  const facts = Buffer.concat([
    field('CONTAINER_ID', shortId(subject.id)),
    field('CONTAINER_ID_FULL', subject.id),
    field('CONTAINER_NAME', subject.name),
    field('CONTAINER_TAG', tag),
    field('IMAGE_NAME', subject.imageName),
    field('SYSLOG_IDENTIFIER', tag),
    ...Object.entries(attributesOf(options, subject, fieldName)).map(([name, value]) => field(name, value)),
  ])
  return {
    retryWait: defaultRetryWait,
    open: async signal => openUnixDatagram(path, signal, true),
    encode(message) {
      const priority = field('PRIORITY', message.stream === 'stderr' ? '3' : '6')
      const time = field('SYSLOG_TIMESTAMP', formatTime(message.time))
      return [Buffer.concat([field('MESSAGE', message.text), priority, time, facts, ...partialFields(message)])]
    },
  }
}

function partialFields({ partial }: LogMessage): Buffer[] {
  if (!partial) return []
  return [
    field('CONTAINER_PARTIAL_ID', partial.id),
    field('CONTAINER_PARTIAL_ORDINAL', String(partial.ordinal)),
    field('CONTAINER_PARTIAL_LAST', String(partial.last)),
    ...(partial.last ? [] : [field('CONTAINER_PARTIAL_MESSAGE', 'true')]),
  ]
}

/** A label's or variable's name as the journal takes it: upper case, digits and underscores, none of those first. */
export function fieldName(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^[_0-9]+/, '')
}

// NAME=value, or for a value of several lines its length and its bytes.
function field(name: string, value: string): Buffer {
  if (name === '') return Buffer.alloc(0)
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`)
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n')])
}
