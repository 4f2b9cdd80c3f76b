// A container's /etc/resolv.conf: the host's, without what a container can't use, and with what was asked for.

import ipaddr from 'ipaddr.js'

/** What goes into /etc/resolv.conf. */
export interface ResolverInput {
  /** The host's file, from the path that `hostResolverPath` says. */
  readonly hostFile: string
  /** `--dns`; replaces the host's servers. */
  readonly servers: readonly string[]
  /** `--dns-search`; replaces the host's list. A single `.` is an empty list. */
  readonly search: readonly string[]
  /** `--dns-opt`; replaces the host's options. */
  readonly options: readonly string[]
  /** The container has IPv6 addresses. */
  readonly ipv6: boolean
  /** The container uses the host's network, where the host's loopback is its own. */
  readonly hostNetwork: boolean
}

/** A resolver configuration (resolv.conf(5)). */
export interface Resolver {
  readonly servers: readonly string[]
  readonly search: readonly string[]
  readonly options: readonly string[]
}

const fallback4 = ['8.8.8.8', '8.8.4.4']
const fallback6 = ['2001:4860:4860::8888', '2001:4860:4860::8844']

/** The path of the host's file that names real servers: systemd-resolved's own, where /etc/resolv.conf leads to it. */
export function hostResolverPath(etcResolvConf: string): string {
  const { servers } = parseResolver(etcResolvConf)
  const isStub = servers.length === 1 && servers[0] === '127.0.0.53'
  return isStub ? '/run/systemd/resolve/resolv.conf' : '/etc/resolv.conf'
}

/** The contents of /etc/resolv.conf. A container that would have no server gets Google's, as with Docker. */
export function resolverFile(input: ResolverInput): string {
  const { hostFile, servers, search, options, hostNetwork } = input
  if (hostNetwork && servers.length + search.length + options.length === 0) return hostFile
  const host = parseResolver(hostFile)
  return formatResolver({
    servers: servers.length > 0 ? servers : usableServers(host.servers, input),
    search: (search.length > 0 ? search : host.search).filter((name, _, all) => name !== '.' || all.length > 1),
    options: options.length > 0 ? options : host.options,
  })
}

function usableServers(servers: readonly string[], { ipv6, hostNetwork }: ResolverInput): readonly string[] {
  if (hostNetwork) return servers
  const usable = servers.filter(server => !isLoopback(server) && (ipv6 || !server.includes(':')))
  if (usable.length > 0) return usable
  return ipv6 ? [...fallback4, ...fallback6] : fallback4
}

function isLoopback(server: string): boolean {
  // A link-local server may name its interface after a %.
  const address = server.replace(/%.*$/, '')
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}

/** Reads a resolv.conf; of several `search` or `domain` lines the last counts. Lines it doesn't know are left out. */
export function parseResolver(text: string): Resolver {
  const servers: string[] = []
  const options: string[] = []
  let search: string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0])
    if (keyword === 'search' || keyword === 'domain') search = values
    if (keyword === 'options') options.push(...values)
  }
  return { servers, search, options }
}

function formatResolver({ servers, search, options }: Resolver): string {
  const lines = servers.map(server => `nameserver ${server}`)
  if (search.length > 0) lines.push(`search ${search.join(' ')}`)
  if (options.length > 0) lines.push(`options ${options.join(' ')}`)
  return lines.map(line => `${line}\n`).join('')
}
