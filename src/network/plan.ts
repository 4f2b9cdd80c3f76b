// Which subnets the bridge gets: what was configured, else what it had, else the first that nothing on the host uses.

import { listAddresses } from '../kernel/netlink-address.ts'
import { findLink } from '../kernel/netlink-link.ts'
import { listRoutes } from '../kernel/netlink-route.ts'
import type { NetlinkSocket } from '../kernel/netlink.ts'
import { invalid, unavailable } from '../lib/errors.ts'
import { findBridge } from './bridge.ts'
import type { BridgePlan } from './records.ts'
import {
  type AddressPool,
  chooseSubnet,
  contains,
  formatSubnet,
  overlaps,
  parseCidr,
  parseSubnet,
  type Subnet,
  toText,
} from './subnet.ts'

/** What the daemon's configuration says about its bridge. */
export interface BridgeOptions {
  readonly bridgeName: string
  /** `--bip`: the bridge's address and prefix, such as 10.1.0.1/16. */
  readonly bip?: string
  readonly pools: readonly AddressPool[]
  /** `--ipv6` with `--fixed-cidr-v6`; without it containers have no IPv6. */
  readonly ipv6?: { readonly subnet: string }
}

/** Decides the subnets. `before` is what the bridge had when the daemon ran last. Throws unavailable if none is free. */
export function planBridge(socket: NetlinkSocket, options: BridgeOptions, before: BridgePlan | undefined): BridgePlan {
  const bridge = options.bridgeName
  const ipv4 =
    configured(options.bip) ??
    (before && { subnet4: before.subnet4, gateway4: before.gateway4 }) ??
    presentOn(socket, bridge) ??
    free(socket, options.pools)
  return { bridge, ...ipv4, ...planIpv6(options.ipv6?.subnet) }
}

/** The networks that the host reaches other than by `bridge`. */
export function takenSubnets(socket: NetlinkSocket, bridge: string): Subnet[] {
  const own = findLink(socket, bridge)?.index
  const routes = listRoutes(socket).filter(route => route.link !== own)
  const addresses = listAddresses(socket).filter(entry => entry.link !== own)
  return [
    ...routes.flatMap(route => (route.destination === undefined ? [] : [parseSubnet(route.destination)])),
    ...addresses.map(entry => parseSubnet(`${entry.address}/${entry.prefix}`)),
  ]
}

/** The network among `taken` that `plan`'s IPv4 subnet overlaps; undefined if none does. */
export function overlapOf(plan: BridgePlan, taken: readonly Subnet[]): string | undefined {
  const subnet = parseSubnet(plan.subnet4)
  const other = taken.find(entry => overlaps(entry, subnet))
  return other && formatSubnet(other)
}

function configured(bip: string | undefined) {
  if (bip === undefined) return undefined
  const { subnet, address } = parseCidr(bip)
  if (subnet.family !== 4 || subnet.prefix > 30 || !isHost(subnet, address)) {
    throw invalid(`--bip ${bip} is not the address of a host in an IPv4 network; give one such as 10.1.0.1/16`)
  }
  return { subnet4: formatSubnet(subnet), gateway4: address }
}

function isHost(subnet: Subnet, address: string): boolean {
  const size = 1n << BigInt(32 - subnet.prefix)
  return address !== toText(subnet.first, 4) && address !== toText(subnet.first + size - 1n, 4)
}

// A bridge that somebody made, for --bridge, or that is left of an earlier data root.
function presentOn(socket: NetlinkSocket, name: string) {
  const link = findBridge(socket, name)
  const entry = link && listAddresses(socket).find(item => item.link === link.index && !item.address.includes(':'))
  return entry && configured(`${entry.address}/${entry.prefix}`)
}

function free(socket: NetlinkSocket, pools: readonly AddressPool[]) {
  const taken = takenSubnets(socket, '')
  // docker0 may be down, and without a route, until dockerd starts.
  if (findLink(socket, 'docker0')) taken.push(parseSubnet('172.17.0.0/16'))
  const subnet = chooseSubnet(pools, taken)
  if (!subnet) {
    throw unavailable('Every default network overlaps a route of this host; give the bridge an address by --bip')
  }
  return { subnet4: formatSubnet(subnet), gateway4: toText(subnet.first + 1n, 4) }
}

function planIpv6(text: string | undefined) {
  if (text === undefined) return {}
  const subnet = parseSubnet(text)
  if (subnet.family !== 6 || subnet.prefix > 126) {
    throw invalid(`${text} is not an IPv6 network for containers; give one such as fd00:1::/64`)
  }
  const gateway6 = toText(subnet.first + 1n, 6)
  return contains(subnet, gateway6) ? { subnet6: formatSubnet(subnet), gateway6 } : {}
}
