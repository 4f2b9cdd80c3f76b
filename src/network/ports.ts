// Host ports: picked, kept by sockets bound to them, and refused with dockerd's words when they are taken.

import ipaddr from 'ipaddr.js'
import type { Fd } from '../kernel/descriptor.ts'
import { describe, hasCode, KernelError } from '../kernel/ffi.ts'
import { hasIpv6, reservePort } from '../kernel/socket.ts'
import { invalid, system } from '../lib/errors.ts'
import { readSysctl } from './sysctl.ts'
import type { PortRequest, PublishedPort } from './types.ts'

/** Ports taken for a container, and the sockets that hold them. Disposing gives everything back. */
export interface Reserved extends Disposable {
  readonly ports: readonly PublishedPort[]
  readonly sockets: readonly Fd[]
}

const backlog = 4096

/** The host ports that this daemon's containers have. */
export class Ports {
  readonly #taken = new Set<string>()
  #lastEphemeral = 0

  /**
   * Takes a host port for each request, all or none. `ipv6` says whether the container has IPv6 itself; without, IPv6
   * bindings of TCP and UDP are relayed. Throws system with dockerd's message if a port is taken.
   */
  reserve(requests: readonly PortRequest[], ipv6: boolean): Reserved {
    const ports: PublishedPort[] = []
    const sockets: Fd[] = []
    const reserved = { ports, sockets, [Symbol.dispose]: () => this.#giveBack(ports, sockets) }
    try {
      for (const request of requests) this.#reserveOne(request, hostAddresses(request, ipv6), reserved)
      return reserved
    } catch (error) {
      reserved[Symbol.dispose]()
      throw error
    }
  }

  /** Marks the ports of a container that is running already. */
  restore(ports: readonly PublishedPort[]): void {
    for (const port of ports) this.#taken.add(keyOf(port))
  }

  /** Gives ports back; the sockets are their holders' to close. */
  release(ports: readonly PublishedPort[]): void {
    for (const port of ports) this.#taken.delete(keyOf(port))
  }

  #giveBack(ports: readonly PublishedPort[], sockets: readonly Fd[]) {
    for (const socket of sockets) socket.close()
    this.release(ports)
  }

  #reserveOne(request: PortRequest, addresses: readonly string[], into: { ports: PublishedPort[]; sockets: Fd[] }) {
    let refusal: unknown
    for (const hostPort of this.#candidates(request)) {
      const bindings: PublishedPort[] = []
      const sockets: Fd[] = []
      try {
        for (const hostAddress of addresses) {
          const socket = this.#take(request, hostAddress, hostPort)
          if (socket) sockets.push(socket)
          bindings.push(
            binding(request, hostAddress, hostPort, socket ? into.sockets.length + sockets.length - 1 : null),
          )
        }
        into.ports.push(...bindings)
        into.sockets.push(...sockets)
        if (request.hostPort === 0) this.#lastEphemeral = hostPort
        return
      } catch (error) {
        this.#giveBack(bindings, sockets)
        refusal = error
      }
    }
    throw refusal
  }

  /** The socket on one address; undefined if the kernel has no sockets of the protocol. */
  #take(request: PortRequest, address: string, port: number): Fd | undefined {
    const { protocol } = request
    const key = keyOf({ protocol, hostAddress: address, hostPort: port })
    if (this.#taken.has(key)) throw system(`Bind for ${endpointText(address, port)} failed: port is already allocated`)
    const socket = openReservation(request, address, port)
    this.#taken.add(key)
    return socket
  }

  *#candidates(request: PortRequest): Generator<number> {
    if (request.hostPort !== 0) {
      const end = request.hostPortEnd ?? request.hostPort
      for (let port = request.hostPort; port <= end; port++) yield port
      return
    }
    const [low, high] = ephemeralRange()
    const start = this.#lastEphemeral >= low && this.#lastEphemeral < high ? this.#lastEphemeral + 1 : low
    for (let step = 0; step <= high - low; step++) yield low + ((start - low + step) % (high - low + 1))
  }
}

/** The addresses one request binds: `''` is every IPv4 and, if the host has it, every IPv6 address. */
function hostAddresses(request: PortRequest, ipv6: boolean): string[] {
  if (request.hostAddress !== '') return [canonical(request.hostAddress)]
  // SCTP can't be relayed, so without IPv6 in the container there is nothing to bind.
  const both = request.protocol === 'sctp' ? ipv6 : hasIpv6()
  return both ? ['0.0.0.0', '::'] : ['0.0.0.0']
}

// One spelling for each address, so that a port is one key; and it goes into the text of rules.
function canonical(address: string): string {
  if (!ipaddr.isValid(address)) throw invalid(`invalid hostIP: ${address}`)
  return ipaddr.parse(address).toString()
}

const isRelayed = (protocol: string, address: string) => protocol !== 'sctp' && address.includes(':')

function binding(request: PortRequest, hostAddress: string, hostPort: number, reservation: number | null) {
  const { containerPort, protocol } = request
  const relayed = reservation !== null && isRelayed(protocol, hostAddress)
  return { containerPort, protocol, hostAddress, hostPort, reservation, relayed }
}

function openReservation({ protocol }: PortRequest, address: string, port: number): Fd | undefined {
  try {
    return reservePort({ protocol, address, port, backlog: isRelayed(protocol, address) ? backlog : undefined })
  } catch (error) {
    if (protocol === 'sctp' && hasCode(error, 'EPROTONOSUPPORT')) return undefined
    if (!(error instanceof KernelError)) throw error
    if (error.code === 'EINVAL') throw invalid(`Invalid host address or port: ${endpointText(address, port)}`)
    const listen = `listen ${protocol}${address.includes(':') ? 6 : 4} ${endpointText(address, port)}`
    const reason = `Error starting userland proxy: ${listen}: bind: ${describe(error.errno)}`
    throw system(reason, { cause: error })
  }
}

function ephemeralRange(): readonly [number, number] {
  const [low, high] = (readSysctl('ipv4/ip_local_port_range') ?? '').split(/\s+/).map(Number)
  return low && high && low <= high ? [low, high] : [32768, 60999]
}

const endpointText = (address: string, port: number) => `${address.includes(':') ? `[${address}]` : address}:${port}`

const keyOf = (port: { protocol: string; hostAddress: string; hostPort: number }) =>
  `${port.protocol} ${port.hostAddress} ${port.hostPort}`
