// The relays of a container's ports.

import type { Fd } from '../kernel/descriptor.ts'
import { type Relay, relayTcp } from './relay.ts'
import { relayUdp } from './relay-udp.ts'
import type { Endpoint, PublishedPort } from './types.ts'

/** Starts the relays of all relayed `ports`, whose sockets are `listeners` in order. They stay the caller's to close. */
export async function startRelays(
  endpoint: Endpoint,
  ports: readonly PublishedPort[],
  listeners: readonly Fd[],
): Promise<Relay> {
  await using relays = new AsyncDisposableStack()
  const relayed = ports.filter(port => port.relayed)
  for (const [index, port] of relayed.entries()) {
    const listener = listeners[index]
    const target = { address: endpoint.ipv4, port: port.containerPort }
    if (listener) relays.use(await (port.protocol === 'udp' ? relayUdp : relayTcp)(listener, target))
  }
  return relays.move()
}

/** The sockets of the relayed ports among a connection's reservations, in the order of `ports`. */
export function listenersOf(ports: readonly PublishedPort[], sockets: readonly Fd[]): Fd[] {
  return ports.flatMap(port => (port.relayed && port.reservation !== null ? (sockets[port.reservation] ?? []) : []))
}
