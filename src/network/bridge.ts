// The bridge device of a network: made if missing, given its addresses, and left in place when the daemon ends.

import { listAddresses, removeAddress, setAddress, type LinkAddress } from '../kernel/netlink-address.ts'
import { createBridge, findLink, type Link, setLink } from '../kernel/netlink-link.ts'
import type { NetlinkSocket } from '../kernel/netlink.ts'
import { invalid, system } from '../lib/errors.ts'
import { macOf } from './mac.ts'
import { broadcastOf } from './subnet.ts'
import { kernelHasIpv6, writeSysctl } from './sysctl.ts'

/** An address with its prefix length. */
export interface Gateway {
  readonly address: string
  readonly prefix: number
}

/** The bridge called `name`, if there is one. Throws invalid if the name is another device's. */
export function findBridge(socket: NetlinkSocket, name: string): Link | undefined {
  const link = findLink(socket, name)
  if (link && link.kind !== 'bridge')
    throw invalid(`The network device ${name} is not a bridge; choose another --bridge`)
  return link
}

/** Makes the bridge be there, up, with exactly `gateways` as its addresses, and IPv6 only if one of them is. */
export function ensureBridge(socket: NetlinkSocket, name: string, gateways: readonly Gateway[], mtu: number): Link {
  const link = findBridge(socket, name) ?? makeBridge(socket, name, gateways, mtu)
  const ipv6 = gateways.some(gateway => gateway.address.includes(':'))
  configureFamilies(name, ipv6)
  setAddresses(socket, link.index, gateways)
  socket.transact(setLink(link.index, { up: true }))
  return link
}

function makeBridge(socket: NetlinkSocket, name: string, gateways: readonly Gateway[], mtu: number): Link {
  const gateway = gateways.find(({ address }) => !address.includes(':'))
  // With a MAC of its own the bridge doesn't take over one of its ports', and change it as they come and go.
  socket.transact(createBridge(name, { mac: macOf(gateway?.address ?? '0.0.0.0'), mtu }))
  const link = findLink(socket, name)
  if (!link) throw system(`The bridge ${name} was created and is not there`)
  return link
}

function configureFamilies(name: string, ipv6: boolean) {
  // Answers of containers to clients on 127.0.0.1 come in by the bridge; the firewall's raw chain limits what else does.
  writeSysctl(`ipv4/conf/${name}/route_localnet`, '1')
  if (!kernelHasIpv6()) return
  writeSysctl(`ipv6/conf/${name}/accept_ra`, '0')
  writeSysctl(`ipv6/conf/${name}/accept_dad`, '0')
  writeSysctl(`ipv6/conf/${name}/disable_ipv6`, ipv6 ? '0' : '1')
}

function setAddresses(socket: NetlinkSocket, link: number, gateways: readonly Gateway[]) {
  const present = listAddresses(socket).filter(entry => entry.link === link && !isLinkLocal(entry))
  const matches = (entry: Gateway, other: Gateway) => entry.address === other.address && entry.prefix === other.prefix
  const missing = gateways.filter(gateway => !present.some(entry => matches(entry, gateway)))
  const extra = present.filter(entry => !gateways.some(gateway => matches(entry, gateway)))
  const requests = [
    ...extra.map(removeAddress),
    ...missing.map(gateway =>
      setAddress({ link, ...gateway, broadcast: broadcastOf(gateway.address, gateway.prefix) }),
    ),
  ]
  if (requests.length > 0) socket.transact(...requests)
}

const isLinkLocal = (entry: LinkAddress) => entry.address.startsWith('fe80:')
