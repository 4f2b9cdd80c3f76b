// The options of the gelf driver.

import { invalid } from '../lib/errors.ts'
import { isTransport, parseTransport, portNumber, splitHostPort } from './address.ts'
import { attributeOptions } from './attributes.ts'
import { readInteger } from './option-values.ts'
import type { LogOptions } from './subject.ts'

const plain: ReadonlySet<string> = new Set(['gelf-address', 'tag', ...attributeOptions])

/** What the options of gelf say. */
export interface GelfOptions {
  readonly kind: 'udp' | 'tcp'
  readonly host: string
  readonly port: number
  /** Of datagrams. */
  readonly compression: 'gzip' | 'zlib' | 'none'
  /** zlib's level: -1 for its default. */
  readonly level: number
}

/** Reads the options of gelf. Throws invalid with dockerd's texts. */
export function parseGelfOptions(options: LogOptions): GelfOptions {
  const address = parseAddress(options['gelf-address'] ?? '')
  for (const [name, value] of Object.entries(options)) checkOption(address.kind, name, value)
  const type = options['gelf-compression-type']
  return {
    ...address,
    compression: type === 'zlib' || type === 'none' ? type : 'gzip',
    level: Number(options['gelf-compression-level'] ?? 1),
  }
}

function parseAddress(address: string): Pick<GelfOptions, 'kind' | 'host' | 'port'> {
  if (address === '') throw invalid('gelf-address is a required parameter')
  if (!isTransport(address)) throw invalid(`gelf-address should be in form proto://address, got ${address}`)
  const { scheme, authority } = parseTransport(address)
  if (scheme !== 'udp' && scheme !== 'tcp') throw invalid('gelf: endpoint needs to be TCP or UDP')
  const { host, port } = splitHostPort(authority)
  if (port === undefined) throw invalid('gelf: please provide gelf-address as proto://host:port')
  return { kind: scheme, host, port: portNumber(port, address) }
}

function checkOption(kind: GelfOptions['kind'], name: string, value: string) {
  const isCompression = name === 'gelf-compression-level' || name === 'gelf-compression-type'
  if (isCompression && kind !== 'udp') throw invalid('compression is only supported on UDP')
  if (name === 'gelf-compression-level') {
    const level = readInteger(value)
    if (level === undefined || level < -1 || level > 9) throw unknownValue(name, value)
  } else if (name === 'gelf-compression-type') {
    if (!['gzip', 'zlib', 'none'].includes(value)) throw unknownValue(name, value)
  } else if (name === 'gelf-tcp-max-reconnect' || name === 'gelf-tcp-reconnect-delay') {
    if (kind !== 'tcp') throw invalid(`"${name}" is only valid for TCP`)
    if ((readInteger(value) ?? -1) < 0) throw invalid(`"${name}" must be a positive integer`)
  } else if (!plain.has(name)) throw invalid(`unknown log opt ${JSON.stringify(name)} for gelf log driver`)
}

const unknownValue = (name: string, value: string) =>
  invalid(`unknown value ${JSON.stringify(value)} for log opt "${name}" for gelf log driver`)
