// The addresses that -H takes.

import { isIP } from 'node:net'
import { invalid, messageOf } from '../../lib/errors.ts'

/** An address to listen on. `fd` stands for the sockets that systemd passes, all or the one of that name. */
export type Host =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'fd'; readonly name: string }

/** Where the daemon listens unless told otherwise. */
export const defaultSocket = '/run/gantry.sock'

/** Reads `unix://path`, `tcp://host:port`, `fd://` or a bare `host:port`; `tls` decides the default port. */
export function parseHost(text: string, tls = false): Host {
  const address = text.trim()
  const [, scheme = 'tcp', rest = ''] = /^(?:([a-z0-9+.-]*):\/\/)?(.*)$/is.exec(address) ?? []
  try {
    if (address === '') return { kind: 'unix', path: defaultSocket }
    if (scheme === 'unix') return parseUnix(rest)
    if (scheme === 'fd') return { kind: 'fd', name: rest }
    if (scheme === 'tcp') return parseTcp(rest, tls)
  } catch (cause) {
    throw invalid(`invalid bind address (${address}): ${messageOf(cause)}`, { cause })
  }
  throw invalid(`invalid bind address (${address}): unsupported proto '${scheme}'`)
}

function parseUnix(path: string): Host {
  if (path.includes('://')) throw invalid(`invalid unix address: ${path}`)
  if (path !== '' && !path.startsWith('/')) throw invalid('the path of a unix socket must be absolute')
  return { kind: 'unix', path: path || defaultSocket }
}

function parseTcp(address: string, tls: boolean): Host {
  if (address.includes('/')) throw invalid('should not contain a path element')
  const [, ipv6, name = '', portText] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(address) ?? []
  if (ipv6 === undefined && name === '' && portText === undefined && address !== '') {
    throw invalid(`invalid address: ${address}`)
  }
  if (ipv6 !== undefined && isIP(ipv6) !== 6) throw invalid(`invalid IPv6 address: ${ipv6}`)
  const port = portText === undefined || portText === '' ? (tls ? 2376 : 2375) : Number(portText)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw invalid(`invalid port: ${portText}`)
  return { kind: 'tcp', host: ipv6 ?? (name === '' ? 'localhost' : name), port }
}
