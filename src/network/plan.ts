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

/** IPv6 on the bridge, `--ipv6`; without it containers have none. One of the first two is needed. */
export interface Ipv6Options {
  /** `--fixed-cidr-v6`, as `range` is for IPv4. */
  readonly subnet?: string
  /** `--bip6`: the bridge's address and prefix. */
  readonly bip?: string
  /** `--default-gateway-v6`. */
  readonly router?: string
}

/** What the daemon's configuration says about its bridge. */
export interface BridgeOptions {
  readonly bridgeName: string
  /** `--bip`: the bridge's address and prefix, such as 10.1.0.1/16. */
  readonly bip?: string
  readonly pools: readonly AddressPool[]
  /** `--fixed-cidr`: the part of the subnet for containers; without `bip`, the subnet. */
  readonly range?: string
  /** `--default-gateway`. */
  readonly router?: string
  readonly ipv6?: Ipv6Options
}

/** Decides the subnets. `before` is what the bridge had when the daemon ran last. Throws unavailable if none is free. */
export function planBridge(socket: NetlinkSocket, options: BridgeOptions, before: BridgePlan | undefined): BridgePlan {
  const bridge = options.bridgeName
  const ipv4 =
    configured(options.bip) ??
    fromRange(options.range) ??
    (before && { subnet4: before.subnet4, gateway4: before.gateway4 }) ??
    presentOn(socket, bridge) ??
    free(socket, options.pools)
  const { range, router } = options
  const inside4 = within(ipv4.subnet4, { range, router })
  return {
    bridge,
    ...ipv4,
    ...(inside4.range !== undefined && { range4: inside4.range }),
    ...(inside4.router !== undefined && { router4: inside4.router }),
    ...planIpv6(options.ipv6),
  }
}

/** Checks that both are in `subnet`; a range that is all of it is none. Throws invalid. */
function within(subnetText: string, { range, router }: { range: string | undefined; router: string | undefined }) {
  const subnet = parseSubnet(subnetText)
  if (router !== undefined && !contains(subnet, router)) {
    throw invalid(`--default-gateway ${router} is not in the bridge's network ${subnetText}`)
  }
  if (range === undefined) return { router }
  const part = parseSubnet(range)
  const isPart = part.family === subnet.family && part.prefix >= subnet.prefix && overlaps(part, subnet)
  if (!isPart) throw invalid(`--fixed-cidr ${range} is not part of the bridge's network ${subnetText}`)
  return { router, range: part.prefix === subnet.prefix ? undefined : formatSubnet(part) }
}

function fromRange(range: string | undefined) {
  if (range === undefined) return undefined
  const { first, prefix } = parseSubnet(range)
  return configured(`${toText(first + 1n, 4)}/${prefix}`)
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

function planIpv6({ subnet: range, bip, router }: Ipv6Options = {}) {
  const text = bip ?? range
  if (text === undefined) return {}
  const { subnet, address } = parseCidr(text)
  if (subnet.family !== 6 || subnet.prefix > 126) {
    throw invalid(`${text} is not an IPv6 network for containers; give one such as fd00:1::/64`)
  }
  const gateway6 = bip === undefined ? toText(subnet.first + 1n, 6) : address
  const subnet6 = formatSubnet(subnet)
  const inside = within(subnet6, { range, router })
  return {
    subnet6,
    gateway6,
    ...(inside.range !== undefined && { range6: inside.range }),
    ...(inside.router !== undefined && { router6: inside.router }),
  }
}
