// Where the engine listens, as DOCKER_HOST writes it.

import { invalid } from '../lib/errors.ts'

/** What to connect to. `text` is the address as the user wrote it, for messages. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string }

/** The socket `gantryd` serves unless told otherwise. */
export const defaultAddress = 'unix:///run/gantry.sock'

const defaultTcpPort = 2375
const defaultTlsPort = 2376

/** The address to use: GANTRY_HOST, else DOCKER_HOST, else the default socket. */
export function addressFromEnvironment(env: Readonly<Record<string, string | undefined>>): string {
  return env.GANTRY_HOST || env.DOCKER_HOST || defaultAddress
}

/** Parses `unix:///path`, `tcp://host[:port]` or `http://host[:port]`; `tls` decides the default port. Throws invalid for anything else. */
export function parseAddress(text: string, tls = false): Address {
  const [scheme, rest] = split(text)
  if (scheme === 'unix' && rest !== '') return { kind: 'unix', path: rest, text }
  if (scheme === 'tcp' || scheme === 'http') return parseTcp(rest, text, tls ? defaultTlsPort : defaultTcpPort)
  throw invalid(`Unable to parse host \`${text}\`: it is neither unix:///path nor tcp://host:port`)
}

function split(text: string): [string, string] {
  const at = text.indexOf('://')
  return at < 0 ? ['', text] : [text.slice(0, at), text.slice(at + 3)]
}

function parseTcp(rest: string, text: string, defaultPort: number): Address {
  const url = URL.parse(`http://${rest}`)
  if (!url || url.hostname === '') throw invalid(`Unable to parse host \`${text}\``)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  // URL drops a port that is the scheme's default.
  const port = /:80\/?$/.test(rest) ? 80 : Number(url.port || defaultPort)
  return { kind: 'tcp', host, port, text }
}
