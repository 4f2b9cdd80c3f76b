// The options of the fluentd driver.

import { GantryError, invalid, messageOf } from '../lib/errors.ts'
import { parseSize } from '../lib/size.ts'
import { parseDuration } from '../lib/until.ts'
import { type HostPort, parseTransport, portNumber, splitHostPort } from './address.ts'
import { attributeOptions } from './attributes.ts'
import { parseBoolean, readInteger } from './option-values.ts'
import type { LogOptions } from './subject.ts'

const known: ReadonlySet<string> = new Set([
  'fluentd-address',
  'fluentd-async',
  'fluentd-async-connect',
  'fluentd-async-reconnect-interval',
  'fluentd-buffer-limit',
  'fluentd-max-retries',
  'fluentd-request-ack',
  'fluentd-retry-wait',
  'fluentd-sub-second-precision',
  'fluentd-write-timeout',
  'tag',
  ...attributeOptions,
])

/** What the options of fluentd say, as far as they mean something here. */
export interface FluentdOptions {
  readonly address: FluentdAddress
  /** Milliseconds between attempts to connect, at first. */
  readonly retryWait: number
  readonly subSecondPrecision: boolean
  readonly requestAck: boolean
}

export type FluentdAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

const defaultPort = 24224
const defaultRetryWait = 1000

/** Reads the options of fluentd. Throws invalid with dockerd's texts. */
export function parseFluentdOptions(options: LogOptions): FluentdOptions {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw invalid(`unknown log opt '${name}' for fluentd log driver`)
  }
  const address = parseAddress(options['fluentd-address'] ?? '')
  const given = (name: string) => options[name] || undefined
  const limit = given('fluentd-buffer-limit')
  if (limit) parseSize(limit)
  const retryWait = given('fluentd-retry-wait')
  const wait = retryWait === undefined ? defaultRetryWait : milliseconds(retryWait)
  checkRetries(given('fluentd-max-retries'))
  if (given('fluentd-async') && given('fluentd-async-connect')) {
    throw invalid("conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect")
  }
  const flag = (name: string) => {
    const value = given(name)
    return value !== undefined && parseBoolean(value)
  }
  flag('fluentd-async')
  flag('fluentd-async-connect')
  for (const name of ['fluentd-async-reconnect-interval', 'fluentd-write-timeout']) milliseconds(given(name) ?? '0s')
  return {
    address,
    retryWait: wait,
    subSecondPrecision: flag('fluentd-sub-second-precision'),
    requestAck: flag('fluentd-request-ack'),
  }
}

function checkRetries(text: string | undefined) {
  if (text === undefined) return
  if (!/^\d+$/.test(text) || readInteger(text) === undefined) {
    throw invalid(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
}

function milliseconds(text: string): number {
  const nanos = text === '0' ? 0n : parseDuration(text)
  if (nanos === undefined) throw invalid(`time: invalid duration ${JSON.stringify(text)}`)
  return Math.max(0, Number(nanos) / 1e6)
}

function parseAddress(address: string): FluentdAddress {
  if (address === '') return { kind: 'tcp', host: '127.0.0.1', port: defaultPort }
  const url = /^(tcp|tls|udp|unix|unixgram|tcp\+tls):\/\//.test(address) ? parseTransport(address) : undefined
  if (url?.scheme === 'unix') return { kind: 'unix', path: url.path }
  if (url && url.scheme !== 'tcp' && url.scheme !== 'tls') {
    throw invalid(`invalid fluentd-address ${address}: unsupported scheme: '${url.scheme}'`)
  }
  const { host, port } = split(url?.authority ?? address, address)
  const kind = url?.scheme === 'tls' ? 'tls' : 'tcp'
  return { kind, host: host || '127.0.0.1', port: port === undefined ? defaultPort : fluentdPort(port, address) }
}

function split(authority: string, address: string): HostPort {
  try {
    return splitHostPort(authority)
  } catch (error) {
    throw new GantryError('invalid', `invalid fluentd-address ${address}: ${messageOf(error)}`, { cause: error })
  }
}

function fluentdPort(port: string, address: string): number {
  if (!/^\d+$/.test(port)) {
    throw invalid(`invalid fluentd-address ${address}: strconv.Atoi: parsing ${JSON.stringify(port)}: invalid syntax`)
  }
  return portNumber(port, `invalid fluentd-address ${address}`)
}
