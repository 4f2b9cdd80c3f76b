// Addresses of log collectors, such as tcp://host:514 or unix:///dev/log, read as Go reads them.

import { invalid } from '../lib/errors.ts'

/** Where messages go: a host and a port, or the path of a unix socket. */
export interface TransportAddress {
  readonly scheme: string
  /** `host:port`, as given; empty for unix sockets. */
  readonly authority: string
  /** '' without one. */
  readonly path: string
}

const transports = ['tcp://', 'tcp+tls://', 'udp://', 'unix://', 'unixgram://']

/** True if `address` begins as one that Docker takes for a transport's. */
export function isTransport(address: string): boolean {
  return transports.some(prefix => address.startsWith(prefix))
}

/** The parts of `scheme://authority/path`. Throws invalid with Go's text for a port that is no number. */
export function parseTransport(address: string): TransportAddress {
  const [, scheme = '', rest = ''] = /^([a-z+]+):\/\/(.*)$/s.exec(address) ?? []
  const [authority = ''] = rest.split(/[/?#]/, 1)
  const [path = ''] = rest.slice(authority.length).split(/[?#]/, 1)
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  const port = /:([^:\]]*)$/.exec(host)?.[1] ?? ''
  if (!/^\d*$/.test(port)) throw invalid(`parse ${JSON.stringify(address)}: invalid port ":${port}" after host`)
  return { scheme, authority: host, path }
}

/** A host, and a port unless it is missing. */
export interface HostPort {
  readonly host: string
  readonly port: string | undefined
}

/** The parts of `host:port` or `[host]:port`. Throws invalid with Go's text for what is neither. net.SplitHostPort. */
export function splitHostPort(address: string): HostPort {
  const bracketed = /^\[([^[\]]*)\](?::([^:]*))?$/.exec(address)
  if (bracketed) return { host: bracketed[1] ?? '', port: bracketed[2] }
  const parts = address.split(':')
  if (parts.length > 2) throw invalid(`address ${address}: too many colons in address`)
  const [host = '', port] = parts
  return { host, port }
}

/** The number of a port. Throws invalid if it is none that can be connected to. */
export function portNumber(port: string, address: string): number {
  const number = /^\d+$/.test(port) ? Number(port) : 0
  if (number < 1 || number > 65535) throw invalid(`${address}: ${JSON.stringify(port)} is not a port number`)
  return number
}
