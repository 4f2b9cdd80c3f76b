// A container's network namespace: made, and joined to the bridge.

import type { Fd } from '../kernel/descriptor.ts'
import { KernelError } from '../kernel/ffi.ts'
import { createNetworkNamespace, inNetworkNamespace } from '../kernel/namespace.ts'
import { setAddress } from '../kernel/netlink-address.ts'
import { createVeth, findLink, setHairpin, setIsolated, setLink } from '../kernel/netlink-link.ts'
import { setDefaultRoute } from '../kernel/netlink-route.ts'
import { NETLINK_ROUTE, NetlinkSocket, type Request } from '../kernel/netlink.ts'
import { system, unavailable } from '../lib/errors.ts'
import { broadcastOf } from './subnet.ts'
import { kernelHasIpv6, readSysctl, writeSysctl } from './sysctl.ts'
import type { Endpoint } from './types.ts'

const loopback = 1
const EXFULL = 54

/** The bridge, and what its new port is to be like. */
export interface BridgePort {
  readonly index: number
  readonly mtu: number
  /** Kept from the bridge's other isolated ports. */
  readonly isolated: boolean
}

/** A network namespace, `given` or new, with only the loopback device, up. */
export function createIsolated(given?: Fd): Fd {
  const namespace = given?.dup() ?? createNetworkNamespace()
  try {
    inNetworkNamespace(namespace, () => configure(setLink(loopback, { up: true })))
    return namespace
  } catch (error) {
    namespace.close()
    throw error
  }
}

/**
 * A network namespace, `given` or new, with `endpoint` as its eth0 on the bridge. The device pair is gone when the last descriptor
 * of the namespace is closed and its last process is over: it is never deleted, since that waits for RCU.
 */
export function createAttached(host: NetlinkSocket, bridge: BridgePort, endpoint: Endpoint, given?: Fd): Fd {
  const namespace = given?.dup() ?? createNetworkNamespace()
  try {
    createPair(host, bridge, endpoint, namespace)
    // The end on the bridge needs no address of its own.
    if (kernelHasIpv6()) writeSysctl(`ipv6/conf/${endpoint.link}/disable_ipv6`, '1')
    inNetworkNamespace(namespace, () => configureInside(endpoint))
    return namespace
  } catch (error) {
    namespace.close()
    throw error
  }
}

function createPair(host: NetlinkSocket, bridge: BridgePort, endpoint: Endpoint, namespace: Fd) {
  const { mtu, isolated } = bridge
  const end = { name: endpoint.link, mtu, master: bridge.index, up: true }
  try {
    const pair = createVeth(end, { name: 'eth0', mtu, mac: endpoint.mac, namespace })
    const hairpin = bridgeTranslates() ? [setHairpin(endpoint.link)] : []
    host.transact(pair, ...hairpin, ...(isolated ? [setIsolated(endpoint.link, true)] : []))
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== EXFULL) throw error
    throw unavailable('The bridge has as many containers as the kernel lets it have, 1023', { cause: error })
  }
}

// With br_netfilter a packet of a container to its own published port is translated and sent back in the bridge itself;
// otherwise it takes the way through the host's routing.
const bridgeTranslates = () => readSysctl('bridge/bridge-nf-call-iptables') === '1'

function configureInside(endpoint: Endpoint) {
  if (kernelHasIpv6()) limitIpv6(endpoint.ipv6 !== undefined)
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  const link = findLink(socket, 'eth0')?.index
  if (link === undefined) throw system('The network device eth0 is not in its new namespace')
  // The address may have been another container's a moment ago: once up, the device tells the bridge and its neighbours.
  writeSysctl('ipv4/conf/eth0/arp_notify', '1')
  const { ipv4, prefix4, gateway4, ipv6, prefix6, gateway6 } = endpoint
  socket.transact(
    setLink(loopback, { up: true }),
    ...assign(link, ipv4, prefix4),
    ...assign(link, ipv6, prefix6),
    setLink(link, { up: true }),
    ...[gateway4, gateway6].filter(gateway => gateway !== undefined).map(gateway => setDefaultRoute(gateway, link)),
  )
}

// Before the device is up: without an address from us it is to have none, not even a link-local one; and routers
// that announce themselves on the bridge are other containers. lo keeps ::1.
function limitIpv6(enabled: boolean) {
  writeSysctl('ipv6/conf/default/accept_ra', '0')
  writeSysctl('ipv6/conf/eth0/accept_ra', '0')
  if (enabled) writeSysctl('ipv6/conf/eth0/accept_dad', '0')
  else writeSysctl('ipv6/conf/eth0/disable_ipv6', '1')
}

function assign(link: number, address?: string, prefix?: number): Request[] {
  if (address === undefined || prefix === undefined) return []
  return [setAddress({ link, address, prefix, broadcast: broadcastOf(address, prefix) })]
}

function configure(...requests: Request[]) {
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  socket.transact(...requests)
}
