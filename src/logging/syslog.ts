// The syslog driver: RFC 3164 and RFC 5424 over UDP, TCP, TLS and unix sockets.

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { hostname } from 'node:os'
import { type Channel, openStream, openUdp, openUnixDatagram } from './channel.ts'
import type { LogMessage } from './entry.ts'
import { type Sink, defaultRetryWait } from './sink.ts'
import type { LogOptions, LogSubject } from './subject.ts'
import {
  type SyslogAddress,
  type SyslogFormat,
  parseFacility,
  parseFormat,
  parseSyslogAddress,
} from './syslog-options.ts'
import { defaultTag, tagOf } from './tag.ts'
import { formatRfc3339, formatStamp } from './times.ts'

/** The sink of a container with the syslog driver. */
export function syslogSink(options: LogOptions, subject: LogSubject): Sink {
  const tag = tagOf(options, subject, defaultTag)
  const format = parseFormat(options['syslog-format'])
  const facility = parseFacility(options['syslog-facility'])
  const address = parseSyslogAddress(options['syslog-address'])
  // RFC 5425 counts bytes; the other forms end with a newline.
  const counted = address?.kind === 'tcp+tls' && (format === 'rfc5424' || format === 'rfc5424micro')
  const header = headerOf(format, tag)
  return {
    retryWait: defaultRetryWait,
    open: signal => openSyslog(address, options, signal),
    encode(message) {
      if (message.text === '') return []
      const priority = facility * 8 + (message.stream === 'stderr' ? 3 : 6)
      const text = Buffer.from(`<${priority}>${header(message)}${message.text}\n`)
      return counted ? [Buffer.concat([Buffer.from(`${text.length} `), text])] : [text]
    },
  }
}

function headerOf(format: SyslogFormat, tag: string): (message: LogMessage) => string {
  const { pid } = process
  const host = hostname()
  switch (format) {
    case '':
      return ({ time }) => `${formatStamp(time)} ${tag}[${pid}]: `
    case 'rfc3164':
      return ({ time }) => `${formatStamp(time)} ${host} ${tag}[${pid}]: `
    case 'rfc5424':
      return ({ time }) => `1 ${formatRfc3339(time, 0)} ${host} ${tag} ${pid} ${tag} - `
    case 'rfc5424micro':
      return ({ time }) => `1 ${formatRfc3339(time, 6)} ${host} ${tag} ${pid} ${tag} - `
  }
}

async function openSyslog(
  address: SyslogAddress | undefined,
  options: LogOptions,
  signal: AbortSignal,
): Promise<Channel> {
  switch (address?.kind) {
    case undefined:
      return openOwn(signal)
    case 'udp':
      return await openUdp(address.host || 'localhost', address.port, signal)
    case 'tcp':
      return await openStream({ ...address, kind: 'tcp', host: address.host || 'localhost' }, signal)
    case 'tcp+tls':
      return await openStream({ ...address, kind: 'tls', options: await tlsOptions(options) }, signal)
    case 'unix':
      return await openStream({ kind: 'unix', path: address.path }, signal)
    case 'unixgram':
      return openUnixDatagram(address.path, signal)
  }
}

// Where the host's own syslog listens, on the systems there are.
const ownPaths = ['/dev/log', '/var/run/syslog', '/var/run/log']

async function openOwn(signal: AbortSignal): Promise<Channel> {
  const failures: unknown[] = []
  for (const path of ownPaths) {
    try {
      return openUnixDatagram(path, signal)
    } catch (error) {
      failures.push(error)
    }
  }
  throw new AggregateError(failures, 'Unix syslog delivery error')
}

/** Bytes: no certificate or bundle of them is larger. */
const largestPem = 4 * 1024 * 1024

// Whoever may start containers names it: it may be anything.
async function pemFile(path: string): Promise<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  const status = await file.stat()
  if (!status.isFile()) throw new Error(`${path} is not a file`)
  if (status.size > largestPem) throw new Error(`${path} is too large for a certificate or key`)
  return await file.readFile()
}

async function tlsOptions(options: LogOptions) {
  const names = ['syslog-tls-ca-cert', 'syslog-tls-cert', 'syslog-tls-key']
  const paths = names.map(name => options[name])
  const [ca, cert, key] = await Promise.all(paths.map(path => (path ? pemFile(path) : undefined)))
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    rejectUnauthorized: options['syslog-tls-skip-verify'] === undefined,
  }
}
