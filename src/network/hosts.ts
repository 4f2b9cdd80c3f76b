// A container's /etc/hosts and /etc/hostname, laid out as Docker's: pure functions from what is known of the container.

import ipaddr from 'ipaddr.js'
import { invalid } from '../lib/errors.ts'

/** What goes into /etc/hosts. */
export interface HostsInput {
  readonly hostname: string
  /** Empty for none. */
  readonly domainname: string
  /** The container's own addresses; none without a network of its own. */
  readonly addresses: readonly string[]
  /** `--add-host`, as `NAME:ADDRESS`; the address may be `host-gateway`. */
  readonly extraHosts: readonly string[]
  /** What `host-gateway` stands for: the bridge's addresses. */
  readonly hostGateway: readonly string[]
}

const standard = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
]

/** The contents of /etc/hosts (hosts(5)). Throws invalid if an extra host isn't `NAME:ADDRESS`. */
export function hostsFile(input: HostsInput): string {
  const names = namesOf(input)
  const own = input.addresses.map(address => `${address}\t${names}`)
  const extra = input.extraHosts.flatMap(entry => extraLines(entry, input.hostGateway))
  return [...standard, ...extra, ...own].map(line => `${line}\n`).join('')
}

/** Throws dockerd's errors for an extra host that isn't `NAME:ADDRESS`. */
export function checkExtraHosts(entries: readonly string[]): void {
  for (const entry of entries) extraLines(entry, [])
}

/** /etc/hosts of a container on the host's network: the host's own, but for extra hosts, which dockerd puts in its place. */
export function hostsFileOfHost(hostsOwn: string, input: HostsInput): string {
  return input.extraHosts.length === 0 ? hostsOwn : hostsFile({ ...input, addresses: [] })
}

/** The contents of /etc/hostname. */
export const hostnameFile = (hostname: string): string => `${hostname}\n`

// A host name may come with its domain; then the first part stands for it too.
function namesOf({ hostname, domainname }: HostsInput): string {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`
  const [short = ''] = full.split('.')
  return short === full ? full : `${full} ${short}`
}

function extraLines(entry: string, hostGateway: readonly string[]): string[] {
  const colon = entry.indexOf(':')
  const name = entry.slice(0, colon)
  const value = entry.slice(colon + 1).replace(/^\[(.*)\]$/, '$1')
  if (colon < 1 || value === '' || /\s/.test(entry)) throw invalid(`bad format for add-host: "${entry}"`)
  if (value === 'host-gateway') return hostGateway.map(address => `${address}\t${name}`)
  if (!ipaddr.isValid(value)) throw invalid(`invalid IP address in add-host: "${value}"`)
  return [`${value}\t${name}`]
}
