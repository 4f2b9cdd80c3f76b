// IP forwarding: turned on where containers need it, without making the host a router for anybody else.

import { readdirSync } from 'node:fs'
import { listLinks } from '../kernel/netlink-link.ts'
import type { NetlinkSocket } from '../kernel/netlink.ts'
import { readSysctl, writeSysctl } from './sysctl.ts'

/** The interfaces to guard if forwarding is off now and is going to be turned on: all but lo and the bridge. */
export function interfacesToGuard(socket: NetlinkSocket, bridge: string, ipv6: boolean): string[] | undefined {
  const off = readSysctl('ipv4/ip_forward') === '0' || (ipv6 && readSysctl('ipv6/conf/all/forwarding') === '0')
  if (!off) return undefined
  return listLinks(socket)
    .filter(link => link.name !== bridge && link.name !== 'lo' && link.master === undefined)
    .map(link => link.name)
}

/** Turns forwarding on where it is off. Load the guard first. */
export function enableForwarding(ipv6: boolean): void {
  if (readSysctl('ipv4/ip_forward') === '0') writeSysctl('ipv4/ip_forward', '1')
  if (!ipv6 || readSysctl('ipv6/conf/all/forwarding') !== '0') return
  keepRouterAdvertisements()
  writeSysctl('ipv6/conf/all/forwarding', '1')
}

// A forwarding host stops learning its own routes from routers, unless accept_ra is 2.
function keepRouterAdvertisements() {
  for (const name of readdirSync('/proc/sys/net/ipv6/conf')) {
    if (readSysctl(`ipv6/conf/${name}/accept_ra`) === '1') writeSysctl(`ipv6/conf/${name}/accept_ra`, '2')
  }
}
