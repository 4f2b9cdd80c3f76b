// Which proxy leads to a server, as Go's programs choose it (golang.org/x/net/http/httpproxy).

import ipaddr from 'ipaddr.js'

export interface ProxySettings {
  /** URLs of proxies for HTTP and for HTTPS; '' for none. Without a scheme they are HTTP's. */
  readonly httpProxy: string
  readonly httpsProxy: string
  /** What is reached without one: hosts and their subdomains, `.suffixes`, addresses, networks; `*` is everything. */
  readonly noProxy: string
}

/** The proxy's URL; undefined if there is none, and always for this machine itself. */
export function proxyFor(settings: ProxySettings, { protocol, hostname, port }: URL): string | undefined {
  const proxy = protocol === 'https:' ? settings.httpsProxy : settings.httpProxy
  if (proxy === '') return undefined
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const number = port || (protocol === 'https:' ? '443' : '80')
  if (isLoopback(host) || settings.noProxy.split(',').some(rule => covers(rule.trim().toLowerCase(), host, number)))
    return undefined
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`
}

function covers(rule: string, host: string, port: string): boolean {
  if (rule === '' || rule === '*') return rule === '*'
  const isAddress = ipaddr.isValid(host)
  if (ipaddr.isValidCIDR(rule)) return isAddress && within(host, rule)
  const [, name = '', onlyPort] = /^(.*?)(?::(\d+))?$/.exec(ipaddr.isValid(rule) ? `[${rule}]` : rule) ?? []
  if (onlyPort !== undefined && onlyPort !== port) return false
  const plain = name.replace(/^\[|\]$/g, '')
  if (isAddress) return ipaddr.isValid(plain) && ipaddr.process(plain).toString() === ipaddr.process(host).toString()
  const suffix = plain.replace(/^\*(?=\.)/, '')
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`)
}

function within(host: string, network: string): boolean {
  const [own, [base, bits]] = [ipaddr.process(host), ipaddr.parseCIDR(network)]
  return own.kind() === base.kind() && own.match(base, bits)
}

/** True for the addresses and names that never leave this machine (RFC 6761, section 6.3). */
export function isLoopback(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return ipaddr.isValid(name) && ipaddr.process(name).range() === 'loopback'
}
