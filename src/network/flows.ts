// UDP flows that began before a port was published, or outlive it: the kernel would go on treating them as before.

import { hasCode } from '../kernel/ffi.ts'
import { listAddresses } from '../kernel/netlink-address.ts'
import { type Flow, forgetFlow, listFlows } from '../kernel/netlink-conntrack.ts'
import { NETLINK_NETFILTER, NetlinkSocket } from '../kernel/netlink.ts'
import type { Endpoint, PublishedPort } from './types.ts'

const udp = 17

/** Forgets flows to the host's own addresses on the published UDP ports, so that they reach the container now. */
export function forgetEarlierFlows(host: NetlinkSocket, endpoint: Endpoint, ports: readonly PublishedPort[]): void {
  if (!ports.some(isUdp)) return
  const local = new Set(listAddresses(host).map(entry => entry.address))
  forget(endpoint, ports, flow => local.has(flow.destination) && flow.answersFrom === flow.destination)
}

/** Forgets flows on the published UDP ports that lead to the endpoint, which is gone. */
export function forgetLaterFlows(endpoint: Endpoint, ports: readonly PublishedPort[]): void {
  forget(endpoint, ports, flow => flow.answersFrom === endpoint.ipv4 || flow.answersFrom === endpoint.ipv6)
}

function forget(endpoint: Endpoint, ports: readonly PublishedPort[], applies: (flow: Flow) => boolean) {
  const published = new Set(ports.filter(isUdp).map(port => port.hostPort))
  if (published.size === 0) return
  using socket = NetlinkSocket.open(NETLINK_NETFILTER)
  const [only] = published.size === 1 ? published : []
  // What is relayed is not translated, so it has no flow to the container.
  for (const family of endpoint.ipv6 === undefined ? ([4] as const) : ([4, 6] as const)) {
    const flows = listFlows(socket, family, udp, only).filter(flow => published.has(flow.destinationPort))
    for (const flow of flows.filter(applies)) forgetOne(socket, flow)
  }
}

function forgetOne(socket: NetlinkSocket, flow: Flow) {
  try {
    socket.transact(forgetFlow(flow))
  } catch (error) {
    // It ended by itself in between.
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

const isUdp = (port: PublishedPort) => port.protocol === 'udp'
