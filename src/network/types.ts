// What a container asks of the network and what it gets.

import type { Fd } from '../kernel/descriptor.ts'
import type { Protocol } from '../kernel/socket.ts'

/** One `-p`: a container port, and where on the host it is to be reached. */
export interface PortRequest {
  readonly containerPort: number
  readonly protocol: Protocol
  /** An IP address of the host; empty for all of both families. */
  readonly hostAddress: string
  /** 0 for any free port of the kernel's ephemeral range. */
  readonly hostPort: number
  /** With it, the first free port from `hostPort` to this one is taken. */
  readonly hostPortEnd?: number
}

/** One binding of a published port, as `docker port` shows it. JSON, so that it can be kept with the container. */
export interface PublishedPort {
  readonly containerPort: number
  readonly protocol: Protocol
  /** `0.0.0.0`, `::` or an address of the host. */
  readonly hostAddress: string
  readonly hostPort: number
  /** Index in `Connection.reservations` of the socket that holds the port; null if the kernel has no such sockets. */
  readonly reservation: number | null
  /** The daemon accepts on that socket and relays: to restore it after a restart, pass it to `restore`. */
  readonly relayed: boolean
}

/** A container's place on a network. JSON, kept with the container. */
export interface Endpoint {
  readonly networkId: string
  readonly endpointId: string
  readonly containerId: string
  /** The container's name without a slash. */
  readonly name: string
  readonly ipv4: string
  readonly prefix4: number
  readonly gateway4: string
  readonly ipv6?: string
  readonly prefix6?: number
  readonly gateway6?: string
  readonly mac: string
  /** Name of the veth end on the host. */
  readonly link: string
}

/** What `Networks.connect` needs to know of a container. */
export interface ConnectRequest {
  readonly containerId: string
  /** The container's name without a slash, for messages and `network inspect`. */
  readonly name: string
  readonly networkMode: 'bridge' | 'none'
  /** A new network namespace to join to the network, such as one of a user namespace; one is made if it is absent. */
  readonly namespace?: Fd
  readonly ports: readonly PortRequest[]
  /** `--mac-address`, as six pairs of hex digits. */
  readonly mac?: string
  /** `--ip` and `--ip6`: must be free and in the network's subnet. */
  readonly ip?: string
  readonly ip6?: string
}

/** A container's network, made and ready: who holds the descriptors holds the network. */
export interface Connection {
  readonly namespace: Fd
  /** Undefined for network mode `none`. */
  readonly endpoint?: Endpoint
  readonly ports: readonly PublishedPort[]
  /** Sockets that keep the host's ports; the holder of the namespace must hold them as long. */
  readonly reservations: readonly Fd[]
}

/** A running container's connection as it was recorded, with the sockets of its relayed ports in the order of `ports`. */
export interface LiveConnection {
  readonly endpoint: Endpoint
  readonly ports: readonly PublishedPort[]
  /** Taken over. Those of ports with `relayed`, in order; may be fewer if the shim is gone. */
  readonly listeners: readonly Fd[]
}
