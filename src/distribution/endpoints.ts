// Where a registry's name leads: addresses in the order in which they are tried, and how far each is trusted.

import { lookup } from 'node:dns/promises'
import ipaddr from 'ipaddr.js'
import { type ProxySettings, isLoopback } from './proxies.ts'

/** What an operator has set about registries. */
export interface RegistrySettings extends ProxySettings {
  /** Hosts, with a port or without, and networks in CIDR form: no certificate is asked of these, and HTTP will do. */
  readonly insecure: readonly string[]
  /** URLs that are asked before docker.io. */
  readonly mirrors: readonly string[]
  /** Directories that have a directory with certificates for each host: see certificates.ts. */
  readonly certificates: readonly string[]
  readonly userAgent: string
  /** Milliseconds for which a registry may be silent, or as good as that. */
  readonly patience: number
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

/** The addresses of `registry` (such as docker.io or localhost:5000) itself, which are tried one after the other. */
export async function endpointsOf(settings: RegistrySettings, registry: string): Promise<Endpoint[]> {
  if (registry === 'docker.io') return [{ ...common, origin: `https://${dockerHost}`, host: dockerHost }]
  if (!(await isInsecure(settings, registry))) return [{ ...common, origin: `https://${registry}`, host: registry }]
  return ['https', 'http'].map(scheme => ({
    ...common,
    origin: `${scheme}://${registry}`,
    host: registry,
    secure: false,
  }))
}

const common = { secure: true, isMirror: false }

/** URLs of the servers that are asked before `registry`. */
export const mirrorsOf = ({ mirrors }: RegistrySettings, registry: string): readonly string[] =>
  registry === 'docker.io' ? mirrors.filter(url => URL.canParse(url)) : []

/** A mirror's address. */
export async function mirrorAt(settings: RegistrySettings, mirror: string): Promise<Endpoint> {
  const { protocol, host, pathname } = new URL(mirror)
  const secure = protocol === 'https:' && !(await isInsecure(settings, host))
  return { origin: `${protocol}//${host}${pathname.replace(/\/+$/, '')}`, host, secure, isMirror: true }
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

/** The host without its port, and without the brackets of an IPv6 address. */
const hostName = (host: string): string => host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')

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
