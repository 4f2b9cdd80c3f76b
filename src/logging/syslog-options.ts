// The options of the syslog driver.

import { statSync } from 'node:fs'
import { hasCode } from '../kernel/ffi.ts'
import { invalid, messageOf } from '../lib/errors.ts'
import { isTransport, parseTransport, portNumber, splitHostPort } from './address.ts'
import { attributeOptions } from './attributes.ts'
import type { LogOptions } from './subject.ts'

const known: ReadonlySet<string> = new Set([
  'syslog-address',
  'syslog-facility',
  'syslog-tls-ca-cert',
  'syslog-tls-cert',
  'syslog-tls-key',
  'syslog-tls-skip-verify',
  'syslog-format',
  'tag',
  ...attributeOptions,
])

/** Throws dockerd's errors for options of syslog. */
export function checkSyslog(options: LogOptions): void {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw invalid(`unknown log opt '${name}' for syslog log driver`)
  }
  const address = parseSyslogAddress(options['syslog-address'])
  if (address && 'path' in address) checkThere(address.path)
  parseFacility(options['syslog-facility'])
  parseFormat(options['syslog-format'])
}

/** Where syslog messages go; undefined for the host's own syslog. */
export type SyslogAddress =
  | { readonly kind: 'udp' | 'tcp' | 'tcp+tls'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix' | 'unixgram'; readonly path: string }

/** Reads syslog-address. Throws invalid with dockerd's texts. */
export function parseSyslogAddress(address = ''): SyslogAddress | undefined {
  if (address === '') return undefined
  if (!isTransport(address)) throw invalid(`syslog-address should be in form proto://address, got ${address}`)
  const { scheme, authority, path } = parseTransport(address)
  if (scheme === 'unix' || scheme === 'unixgram') return { kind: scheme, path }
  const { host, port } = splitHostPort(authority)
  const kind = scheme === 'udp' || scheme === 'tcp' ? scheme : 'tcp+tls'
  return { kind, host, port: port === undefined ? 514 : portNumber(port, address) }
}

function checkThere(path: string) {
  try {
    statSync(path)
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) throw invalid(`stat ${path}: no such file or directory`, { cause })
    throw invalid(`stat ${path}: ${messageOf(cause)}`, { cause })
  }
}

const facilities = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
]
const firstLocal = 16

/** The number of a facility, given by name or number; daemon's without one. Throws invalid. RFC 5424, 6.2.1. */
export function parseFacility(text = ''): number {
  if (text === '') return facilities.indexOf('daemon')
  const named = facilities.indexOf(text)
  if (named >= 0) return named
  const local = /^local([0-7])$/.exec(text)?.[1]
  if (local !== undefined) return firstLocal + Number(local)
  if (/^\d+$/.test(text) && Number(text) < 24) return Number(text)
  throw invalid('invalid syslog facility')
}

/** How a message is written; '' is the form of the host's own syslog, without a host name. */
export type SyslogFormat = '' | 'rfc3164' | 'rfc5424' | 'rfc5424micro'

/** Reads syslog-format. Throws invalid. */
export function parseFormat(text = ''): SyslogFormat {
  if (text === '' || text === 'rfc3164' || text === 'rfc5424' || text === 'rfc5424micro') return text
  throw invalid('Invalid syslog format')
}
