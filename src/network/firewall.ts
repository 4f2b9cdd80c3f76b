// The daemon's nftables table: static chains, and maps with one element for each published port.

import type { Nftables } from '../kernel/nftables.ts'
import type { Endpoint, PublishedPort } from './types.ts'

/** What the rules are about. Subnets are in CIDR form. */
export interface FirewallPlan {
  readonly table: string
  readonly bridge: string
  readonly subnet4: string
  readonly subnet6?: string
  /**
   * Set when the daemon is about to turn forwarding on: the host's interfaces at that moment, between which nothing
   * was forwarded until now and nothing shall be because of us. Undefined leaves the set as it is.
   */
  readonly guarded?: readonly string[]
  readonly policy: BridgePolicy
}

/** What the operator lets the bridge do. */
export interface BridgePolicy {
  /** Containers reach each other by other than published ports. */
  readonly betweenContainers: boolean
  /** What containers send elsewhere has the host's address. */
  readonly masquerade: boolean
}

/** A port with the address it leads to. */
export interface Publication {
  readonly endpoint: Endpoint
  readonly ports: readonly PublishedPort[]
}

/** Loads the table, or brings it up to date, in one transaction; `live` are the only elements afterwards. */
export function loadTable(nft: Nftables, plan: FirewallPlan, live: readonly Publication[]): void {
  const lines = [...structure(plan.table), ...rules(plan)]
  if (plan.guarded?.length)
    lines.push(`add element inet ${plan.table} guarded { ${plan.guarded.map(quote).join(', ')} }`)
  lines.push(...elements('add', plan.table, live))
  nft.run(lines.join('\n'))
}

/** Adds the elements of a container's ports in one transaction. */
export function publish(nft: Nftables, table: string, publication: Publication): void {
  const lines = elements('add', table, [publication])
  if (lines.length > 0) nft.run(lines.join('\n'))
}

/** Removes them again; fine if they, or the whole table, are gone already. */
export function unpublish(nft: Nftables, table: string, publication: Publication): void {
  const deletion = elements('delete', table, [publication])
  if (deletion.length === 0) return
  try {
    nft.run(deletion.join('\n'))
  } catch {
    // Somebody flushed the table. Adding first makes the deletion of what is missing succeed.
    nft.run([...structure(table), ...elements('add', table, [publication]), ...deletion].join('\n'))
  }
}

/** The table's name for a bridge, with only the characters that nft takes in names. */
export const tableFor = (bridge: string): string =>
  `gantry_${bridge.replaceAll(/[^A-Za-z0-9]/g, char => `_${char.charCodeAt(0).toString(16)}`)}`

const maps = {
  published4: 'ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service',
  anywhere4: 'inet_proto . inet_service : ipv4_addr . inet_service',
  published6: 'ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service',
  anywhere6: 'inet_proto . inet_service : ipv6_addr . inet_service',
} as const

const chains = {
  raw: 'type filter hook prerouting priority -300; policy accept;',
  prerouting: 'type nat hook prerouting priority -100; policy accept;',
  output: 'type nat hook output priority -100; policy accept;',
  postrouting: 'type nat hook postrouting priority 100; policy accept;',
  forward: 'type filter hook forward priority 0; policy accept;',
} as const

function structure(table: string): string[] {
  return [
    `add table inet ${table}`,
    ...Object.entries(maps).map(([name, type]) => `add map inet ${table} ${name} { type ${type}; }`),
    `add set inet ${table} guarded { type ifname; }`,
    `add chain inet ${table} publish`,
    ...Object.entries(chains).map(([name, hook]) => `add chain inet ${table} ${name} { ${hook} }`),
  ]
}

function rules(plan: FirewallPlan): string[] {
  const { table } = plan
  const add = (chain: string, ...list: string[]) => list.map(rule => `add rule inet ${table} ${chain} ${rule}`)
  return [
    `flush table inet ${table}`,
    ...Object.keys(maps).map(name => `flush map inet ${table} ${name}`),
    ...add('raw', ...rawRules(plan)),
    // Packets for 127.0.0.0/8 are translated where they begin, in output; from the wire they are forged.
    ...add('prerouting', 'ip daddr 127.0.0.0/8 return', 'fib daddr type local jump publish'),
    // Nothing can leave the host with ::1 as its source: the port's own socket takes these connections.
    ...add('output', 'ip6 daddr ::1 return', 'fib daddr type local jump publish'),
    ...add('publish', ...publishRules),
    ...add('postrouting', ...masqueradeRules(plan)),
    ...add('forward', ...forwardRules(plan)),
  ]
}

// The bridge has route_localnet, so that answers to loopback clients are let in; it must not let in anything else.
const rawRules = ({ bridge }: FirewallPlan) => [
  `iifname ${quote(bridge)} ip daddr 127.0.0.0/8 drop`,
  `iifname ${quote(bridge)} ip saddr 127.0.0.0/8 drop`,
]

const publishRules = [
  'dnat ip to ip daddr . meta l4proto . th dport map @published4',
  'dnat ip to meta l4proto . th dport map @anywhere4',
  'dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6',
  'dnat ip6 to meta l4proto . th dport map @anywhere6',
]

// A container that reaches another, or itself, by a published port gets the answer through the bridge's address only if
// it seems to come from there.
function masqueradeRules({ bridge, subnet4, subnet6, policy }: FirewallPlan) {
  const rulesOf = (ip: string, subnet: string) => [
    ...(policy.masquerade ? [`${ip} saddr ${subnet} oifname != ${quote(bridge)} masquerade`] : []),
    `${ip} saddr ${subnet} oifname ${quote(bridge)} ct status dnat masquerade`,
  ]
  const loopback = `ip saddr 127.0.0.0/8 oifname ${quote(bridge)} masquerade`
  return [loopback, ...rulesOf('ip', subnet4), ...(subnet6 === undefined ? [] : rulesOf('ip6', subnet6))]
}

const forwardRules = ({ bridge, policy }: FirewallPlan) => [
  'iifname @guarded oifname @guarded drop',
  `oifname != ${quote(bridge)} accept`,
  'ct state established,related accept',
  'ct status dnat accept',
  // The bridge itself keeps isolated ports apart; this is for those who go by the bridge's address instead.
  ...(policy.betweenContainers ? [`iifname ${quote(bridge)} accept`] : []),
  'drop',
]

// One command for each map, as nft looks up the map for each command.
function elements(verb: 'add' | 'delete', table: string, publications: readonly Publication[]): string[] {
  const byMap = new Map<keyof typeof maps, string[]>()
  for (const { endpoint, ports } of publications) {
    for (const port of ports) {
      const element = elementOf(endpoint, port)
      if (!element) continue
      const list = byMap.get(element.map) ?? []
      byMap.set(element.map, list)
      list.push(verb === 'add' ? `${element.key} : ${element.value}` : element.key)
    }
  }
  return [...byMap].map(([map, list]) => `${verb} element inet ${table} ${map} { ${list.join(', ')} }`)
}

/** Where in the maps a port is; undefined if the kernel can't translate it: IPv6 for a container that has none. */
function elementOf(endpoint: Endpoint, port: PublishedPort) {
  const service = `${port.protocol} . ${port.hostPort}`
  if (!port.hostAddress.includes(':')) {
    const value = `${endpoint.ipv4} . ${port.containerPort}`
    if (port.hostAddress === '0.0.0.0') return { map: 'anywhere4', key: service, value } as const
    return { map: 'published4', key: `${port.hostAddress} . ${service}`, value } as const
  }
  if (endpoint.ipv6 === undefined) return undefined
  const value = `${endpoint.ipv6} . ${port.containerPort}`
  if (port.hostAddress === '::') return { map: 'anywhere6', key: service, value } as const
  return { map: 'published6', key: `${port.hostAddress} . ${service}`, value } as const
}

const quote = (name: string) => `"${name}"`
