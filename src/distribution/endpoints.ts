// Where a registry's name leads: addresses in the order in which they are tried, and how far each is trusted.

import { lookup } from 'node:dns/promises'
import ipaddr from 'ipaddr.js'

/** What an operator has set about registries. */
export interface RegistrySettings {
  /** Hosts, with a port or without, and networks in CIDR form: no certificate is asked of these, and HTTP will do. */
  readonly insecure: readonly string[]
  /** URLs that are asked before docker.io. */
  readonly mirrors: readonly string[]
  /** URLs; '' for what the environment says. */
  readonly httpProxy: string
  readonly httpsProxy: string
  /** Hosts that are reached without a proxy, separated by commas. */
  readonly noProxy: string
  /** Directories that have a directory with certificates for each host: see certificates.ts. */
  readonly certificates: readonly string[]
  readonly userAgent: string
}

export interface Endpoint {
  /** Such as `https://example.org:5000`, without a slash at its end. */
  readonly origin: string
  /** The host and port by which certificates are found. */
  readonly host: string
  /** False if its certificate doesn't matter, and it may lead to servers without TLS. */
  readonly secure: boolean
  readonly isMirror: boolean
}

/** The host that serves docker.io. */
const dockerHost = 'registry-1.docker.io'
/** What `docker login` calls docker.io. */
export const indexServer = 'https://index.docker.io/v1/'

/** The addresses of `registry` (such as docker.io or localhost:5000); with mirrors, if it is to be read only. */
export async function endpointsOf(
  settings: RegistrySettings,
  registry: string,
  use: 'read' | 'write',
): Promise<Endpoint[]> {
  if (registry !== 'docker.io') return await endpointsAt(settings, registry)
  const mirrors = use === 'read' ? settings.mirrors.flatMap(url => mirrorAt(settings, url)) : []
  return [...mirrors, secureEndpoint(dockerHost)]
}

async function endpointsAt(settings: RegistrySettings, host: string): Promise<Endpoint[]> {
  if (!(await isInsecure(settings, host))) return [secureEndpoint(host)]
  return ['https', 'http'].map(scheme => ({ ...secureEndpoint(host), origin: `${scheme}://${host}`, secure: false }))
}

const secureEndpoint = (host: string): Endpoint => ({ origin: `https://${host}`, host, secure: true, isMirror: false })

function mirrorAt(settings: RegistrySettings, text: string): Endpoint[] {
  if (!URL.canParse(text)) return []
  const { protocol, host, pathname } = new URL(text)
  const secure = protocol === 'https:' && !settings.insecure.includes(host)
  return [{ origin: `${protocol}//${host}${pathname.replace(/\/+$/, '')}`, host, secure, isMirror: true }]
}

/** True if `host`, perhaps with a port, was named insecure, or is this machine itself, or in such a network. */
async function isInsecure({ insecure }: RegistrySettings, host: string): Promise<boolean> {
  const name = hostName(host)
  if (insecure.includes(host) || insecure.includes(name) || isLoopback(name)) return true
  const networks = insecure.filter(text => ipaddr.isValidCIDR(text))
  if (networks.length === 0) return false
  const addresses = ipaddr.isValid(name) ? [name] : await addressesOf(name)
  return addresses.some(address => networks.some(network => isIn(address, network)))
}

/** True for the addresses and names that never leave this machine (RFC 6761, section 6.3). */
export function isLoopback(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return ipaddr.isValid(name) && ipaddr.process(name).range() === 'loopback'
}

/** The host without its port, and without the brackets of an IPv6 address. */
export const hostName = (host: string): string => host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')

function isIn(address: string, network: string): boolean {
  const own = ipaddr.process(address)
  const [base, bits] = ipaddr.parseCIDR(network)
  return own.kind() === base.kind() && own.match(base, bits)
}

async function addressesOf(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  } catch {
    return []
  }
}
