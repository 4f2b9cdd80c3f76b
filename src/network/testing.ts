// A host of its own for each test process, and places on its networks that serve and connect.

import { execFileSync } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import type { Fd } from '../kernel/descriptor.ts'
import { bind, check } from '../kernel/ffi.ts'
import { createNetworkNamespace, inNetworkNamespace, networkNamespaceOf } from '../kernel/namespace.ts'
import { listAddresses, setAddress } from '../kernel/netlink-address.ts'
import { createVeth, deleteLink, findLink, listLinks, setLink } from '../kernel/netlink-link.ts'
import { listRoutes, setDefaultRoute } from '../kernel/netlink-route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink.ts'
import { Nftables } from '../kernel/nftables.ts'
import { silentLog } from '../lib/log.ts'
import { Database } from '../state/database.ts'
import { Networks, type NetworksOptions } from './networks.ts'
import { writeSysctl } from './sysctl.ts'
import type { Ask, Task } from './testing-place.ts'
import type { Connection, ConnectRequest, Endpoint, PortRequest } from './types.ts'

const CLONE_NEWNET = 0x40000000

/** Addresses of the host and of the peer that `createPeer` puts on its network. */
export const lan = {
  link: 'lan0',
  host4: '198.51.100.1',
  peer4: '198.51.100.2',
  host6: 'fd00:aa::1',
  peer6: 'fd00:aa::2',
}

/** Moves this process' main thread into a new network namespace: what it does to its host ends with it. */
export function enterOwnHost(): void {
  const { unshare } = bind({ unshare: { arguments: ['i32'], return: 'i32' } })
  check('unshare', 'network namespace', unshare(CLONE_NEWNET))
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  socket.transact(setLink(1, { up: true }))
  writeSysctl('ipv4/ip_forward', '0')
}

/** A network of the host, and what the peer on it has; IPv6 is left out where it doesn't matter. */
interface Lan {
  readonly link: string
  readonly host4: string
  readonly peer4: string
  readonly host6?: string
  readonly peer6?: string
}

/** Another machine on a network of the host, with the host as its router. */
export async function createPeer({ link, host4, peer4, host6, peer6 }: Lan = lan): Promise<Place> {
  const namespace = createNetworkNamespace()
  using host = NetlinkSocket.open(NETLINK_ROUTE)
  host.transact(createVeth({ name: link, up: true }, { name: 'eth0', namespace }))
  assign(host, link, host4, host6)
  inNetworkNamespace(namespace, () => {
    using inside = NetlinkSocket.open(NETLINK_ROUTE)
    const index = assign(inside, 'eth0', peer4, peer6)
    inside.transact(...[host4, ...(host6 === undefined ? [] : [host6])].map(address => setDefaultRoute(address, index)))
  })
  return Place.open(namespace)
}

function assign(socket: NetlinkSocket, name: string, ipv4: string, ipv6?: string): number {
  const link = findLink(socket, name)?.index ?? 0
  writeSysctl(`ipv6/conf/${name}/accept_dad`, '0')
  socket.transact(setLink(link, { up: true }), setAddress({ link, address: ipv4, prefix: 24 }))
  if (ipv6 !== undefined) socket.transact(setAddress({ link, address: ipv6, prefix: 64 }))
  return link
}

/** A thread in a network namespace. Disposing ends it and closes the namespace. */
export class Place implements AsyncDisposable {
  readonly namespace: Fd
  readonly #worker: Worker

  private constructor(namespace: Fd, worker: Worker) {
    this.namespace = namespace
    this.#worker = worker
  }

  /** Takes `namespace` over. */
  static async open(namespace: Fd): Promise<Place> {
    // A thread begins in the namespace of the one that starts it.
    const worker = inNetworkNamespace(namespace, () => new Worker(new URL('testing-place.ts', import.meta.url)))
    const place = new Place(namespace, worker)
    await place.ask({ verb: 'ready' })
    return place
  }

  /** Answers every client with `NAME ADDRESS SIZE`: its address as it is seen here, the bytes it sent; TCP clients when they end. */
  async serve(protocol: 'tcp' | 'udp', port: number, name: string): Promise<void> {
    const result = await this.ask({ verb: 'serve', protocol, port, name })
    if (result !== 'listening') throw new Error(`Cannot serve ${name} on ${protocol} port ${port}: ${result}`)
  }

  /** What the server at `address` answers to `text`, or the code of the error; `TIMEOUT` if nothing comes. */
  fetch = (protocol: 'tcp' | 'udp', address: string, port: number, text = 'hello') =>
    this.ask({ verb: 'fetch', protocol, address, port, text, patience: 10_000 })

  /** The same, not waiting long: for what is expected to be dropped. */
  fetchBriefly = (protocol: 'tcp' | 'udp', address: string, port: number) =>
    this.ask({ verb: 'fetch', protocol, address, port, text: 'hello', patience: 400 })

  /** A UDP client that keeps its port, and with it its flow. */
  async openUdp(address: string, to: number) {
    await this.ask({ verb: 'open', address, port: to })
    return {
      exchange: () => this.ask({ verb: 'exchange', text: 'hello' }),
      close: () => this.ask({ verb: 'close' }),
    }
  }

  /** From now on packets to 127.0.0.1 leave this place for `gateway`, as somebody who forges them would have it. */
  async routeLoopbackOut(gateway: string): Promise<void> {
    inNetworkNamespace(this.namespace, () => {
      writeSysctl('ipv4/conf/all/route_localnet', '1')
      execFileSync('ip', ['rule', 'add', 'pref', '10', 'to', '127.0.0.0/8', 'lookup', '99'])
      execFileSync('ip', ['rule', 'add', 'pref', '20', 'lookup', 'local'])
      execFileSync('ip', ['rule', 'del', 'pref', '0'])
      execFileSync('ip', ['route', 'add', '127.0.0.0/8', 'via', gateway, 'dev', 'eth0', 'table', '99'])
    })
  }

  /** What is for `destination` is sent to `gateway`, though it may be a neighbour. */
  routeBy(gateway: string, destination: string): void {
    inNetworkNamespace(this.namespace, () => {
      execFileSync('ip', ['route', 'add', destination, 'via', gateway, 'dev', 'eth0'])
    })
  }

  ask(task: Task): Promise<string> {
    const { port1, port2 } = new MessageChannel()
    const { promise, resolve } = Promise.withResolvers<string>()
    port1.addEventListener('message', event => {
      port1.close()
      resolve(String(event.data))
    })
    port1.start()
    this.#worker.postMessage({ task, answer: port2 } satisfies Ask, [port2])
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
    this.namespace.close()
  }
}

/** A place in the host's own namespace. */
export const openHost = (): Promise<Place> => Place.open(networkNamespaceOf(process.pid))

/** A container on the bridge as far as the network knows: a namespace with servers on TCP port 80 and UDP port 53. */
export class Container implements AsyncDisposable {
  readonly name: string
  readonly connection: Connection
  readonly place: Place
  readonly #networks: Networks

  private constructor(networks: Networks, name: string, connection: Connection, place: Place) {
    this.name = name
    this.connection = connection
    this.place = place
    this.#networks = networks
  }

  static async run(networks: Networks, ...ports: PortRequest[]): Promise<Container> {
    const made = request(ports)
    const connection = await networks.connect(made)
    const place = await Place.open(connection.namespace)
    await place.serve('tcp', 80, made.name)
    await place.serve('udp', 53, made.name)
    return new Container(networks, made.name, connection, place)
  }

  get endpoint(): Endpoint {
    if (!this.connection.endpoint) throw new Error(`${this.name} is on no network`)
    return this.connection.endpoint
  }

  get ipv4(): string {
    return this.endpoint.ipv4
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.place[Symbol.asyncDispose]()
    for (const socket of this.connection.reservations) socket.close()
    await this.#networks.disconnect(this.endpoint)
  }
}

/** Started networks with a database of their own, or with the one given. */
export async function startNetworks(options: Partial<NetworksOptions> = {}): Promise<Networks> {
  const networks = new Networks({ database: Database.open(':memory:'), log: silentLog, ...options })
  await networks.start()
  return networks
}

/** Runs `body` with networks of these options; the bridge goes afterwards. */
export async function withNetworks(options: Partial<NetworksOptions>, body: (networks: Networks) => Promise<void>) {
  await using networks = await startNetworks(options)
  try {
    await body(networks)
  } finally {
    removeBridge(options.bridgeName ?? 'gantry0')
  }
}

/** Deletes a bridge and every rule of the host. */
export function removeBridge(name: string) {
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  using nft = new Nftables()
  const link = findLink(socket, name)
  if (link) socket.transact(deleteLink(link.index))
  nft.run('flush ruleset')
}

/** The names and addresses of a namespace's links, and its default gateways. */
export function lookInto(namespace: Fd) {
  return inNetworkNamespace(namespace, () => {
    using socket = NetlinkSocket.open(NETLINK_ROUTE)
    const links = listLinks(socket).filter(link => link.up)
    const name = (index: number) => links.find(link => link.index === index)?.name
    const addresses = listAddresses(socket).map(entry => `${name(entry.link)} ${entry.address}/${entry.prefix}`)
    const gateways = listRoutes(socket).flatMap(route => route.gateway ?? [])
    return { links: links.map(link => link.name), addresses: addresses.toSorted(), gateways }
  })
}

let count = 0

/** A request for a container on the bridge, with a name and an id of its own. */
export function request(ports: readonly PortRequest[], more: Partial<ConnectRequest> = {}): ConnectRequest {
  const name = `c${++count}`
  return { containerId: name.padEnd(64, '0'), name, networkMode: 'bridge', ports, ...more }
}

/** `-p`, with the fields that matter. */
export const port = (containerPort: number, hostPort: number, more: Partial<PortRequest> = {}): PortRequest => ({
  containerPort,
  hostPort,
  protocol: 'tcp',
  hostAddress: '',
  ...more,
})
