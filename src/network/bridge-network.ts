// The bridge network at work: containers are joined to it and leave it, their ports are published and withdrawn.

import type { Fd } from '../kernel/descriptor.ts'
import { setNeighbour } from '../kernel/netlink-neighbour.ts'
import { findLink, setIsolated } from '../kernel/netlink-link.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink.ts'
import { Nftables } from '../kernel/nftables.ts'
import { GantryError, kindOf, messageOf } from '../lib/errors.ts'
import type { Ids } from '../lib/ids.ts'
import type { Log } from '../lib/log.ts'
import { createAttached } from './attach.ts'
import { ensureBridge } from './bridge.ts'
import { Endpoints } from './endpoints.ts'
import { type BridgePolicy, type FirewallPlan, loadTable, publish, unpublish } from './firewall.ts'
import { forgetEarlierFlows, forgetLaterFlows } from './flows.ts'
import { enableForwarding, interfacesToGuard } from './forwarding.ts'
import { allowForwarding, withdrawForwarding } from './other-firewall.ts'
import { Ports, type Reserved } from './ports.ts'
import type { BridgePlan } from './records.ts'
import type { Relay } from './relay.ts'
import { listenersOf, startRelays } from './relays.ts'
import { parseSubnet } from './subnet.ts'
import type { Connection, ConnectRequest, Endpoint, LiveConnection, PublishedPort } from './types.ts'

/** What a bridge network is made of. */
export interface BridgeNetworkOptions {
  readonly networkId: string
  readonly plan: BridgePlan
  readonly table: string
  readonly mtu: number
  readonly policy: BridgePolicy
  /** False leaves the host's forwarding as it is. */
  readonly forward: boolean
  readonly log: Log
  readonly ids: Ids
}

interface Member {
  readonly endpoint: Endpoint
  readonly ports: readonly PublishedPort[]
  readonly relays: Relay
}

// How often another firewall that came up after us is looked for, at most.
const reviewMillis = 10_000

/** A bridge with its firewall table and the containers on it. */
export class BridgeNetwork implements AsyncDisposable {
  readonly #options: BridgeNetworkOptions
  readonly #host: NetlinkSocket
  readonly #nft: Nftables
  readonly #firewall: FirewallPlan
  readonly #bridge: { readonly index: number; readonly mtu: number; readonly isolated: boolean }
  readonly #endpoints: Endpoints
  readonly #ports = new Ports()
  readonly #members = new Map<string, Member>()
  #reviewed = 0
  #closed = false

  private constructor(
    options: BridgeNetworkOptions,
    host: NetlinkSocket,
    nft: Nftables,
    index: number,
    firewall: FirewallPlan,
  ) {
    this.#options = options
    this.#host = host
    this.#nft = nft
    this.#bridge = { index, mtu: options.mtu, isolated: !options.policy.betweenContainers }
    this.#firewall = firewall
    this.#endpoints = new Endpoints(options.networkId, options.plan, options.ids)
  }

  /** Makes or repairs the bridge and its rules; `live` containers are on it already and are reachable throughout. */
  static async open(options: BridgeNetworkOptions, live: readonly LiveConnection[]): Promise<BridgeNetwork> {
    await using undo = new AsyncDisposableStack()
    const host = undo.use(NetlinkSocket.open(NETLINK_ROUTE))
    const nft = undo.use(new Nftables())
    const { plan, table, mtu, policy, forward } = options
    const ipv6 = plan.subnet6 !== undefined
    const { index } = ensureBridge(host, plan.bridge, gatewaysOf(plan), mtu)
    const guarded = forward ? interfacesToGuard(host, plan.bridge, ipv6) : undefined
    const firewall = { table, bridge: plan.bridge, subnet4: plan.subnet4, subnet6: plan.subnet6, guarded, policy }
    loadTable(nft, firewall, live)
    if (forward) enableForwarding(ipv6)
    const network = new BridgeNetwork(options, host, nft, index, firewall)
    network.#allowForwarding()
    for (const connection of live) await network.#admit(connection)
    undo.move()
    return network
  }

  /** The containers on the network. */
  get endpoints(): Endpoint[] {
    return [...this.#members.values()].map(member => member.endpoint)
  }

  /** Joins a new namespace to the bridge with its ports published; nothing is left if it throws. */
  async connect(request: ConnectRequest): Promise<Connection> {
    await using undo = new AsyncDisposableStack()
    const endpoint = undo.adopt(this.#endpoints.create(request), made => this.#endpoints.release(made))
    const { ports, sockets } = undo.use(this.#reserve(request, endpoint))
    const namespace = undo.use(createAttached(this.#host, this.#bridge, endpoint, request.namespace))
    // A MAC of the user's choice may differ from what neighbours remember of the address.
    if (request.mac !== undefined) this.#tellNeighbour(endpoint)
    this.#publish(endpoint, ports)
    undo.defer(() => this.#unpublish(endpoint, ports))
    const relays = await startRelays(endpoint, ports, listenersOf(ports, sockets))
    this.#members.set(endpoint.endpointId, { endpoint, ports, relays })
    undo.move()
    this.#review()
    return { namespace, endpoint, ports, reservations: sockets }
  }

  /** Withdraws a container's ports and frees its addresses; nothing happens if it isn't on the network. */
  async disconnect(endpoint: Endpoint): Promise<void> {
    const member = this.#members.get(endpoint.endpointId)
    if (!member) return
    this.#members.delete(endpoint.endpointId)
    await member.relays[Symbol.asyncDispose]()
    try {
      this.#unpublish(member.endpoint, member.ports)
    } finally {
      this.#ports.release(member.ports)
      this.#endpoints.release(member.endpoint)
    }
  }

  /** Takes a container that is running already back on the books. */
  async restore(connection: LiveConnection): Promise<void> {
    await this.#admit(connection)
    this.#publish(connection.endpoint, connection.ports)
  }

  async #admit({ endpoint, ports, listeners }: LiveConnection) {
    this.#endpoints.restore(endpoint)
    this.#ports.restore(ports)
    this.#isolate(endpoint)
    const relays = await this.#resumeRelays(endpoint, ports, listeners)
    for (const listener of listeners) listener.close()
    this.#members.set(endpoint.endpointId, { endpoint, ports, relays })
  }

  // The daemon that made the port may have been told otherwise.
  #isolate(endpoint: Endpoint) {
    if (!findLink(this.#host, endpoint.link)) return
    this.#host.transact(setIsolated(endpoint.link, this.#bridge.isolated))
  }

  // One container's relay is no reason for the daemon not to start.
  async #resumeRelays(endpoint: Endpoint, ports: readonly PublishedPort[], listeners: readonly Fd[]): Promise<Relay> {
    try {
      return await startRelays(endpoint, ports, listeners)
    } catch (error) {
      const fields = { container: endpoint.containerId, error: messageOf(error) }
      this.#options.log.warn(fields, 'The published ports of a container are not reached over IPv6 any more')
      return new AsyncDisposableStack()
    }
  }

  #reserve(request: ConnectRequest, endpoint: Endpoint): Reserved {
    try {
      return this.#ports.reserve(request.ports, endpoint.ipv6 !== undefined)
    } catch (error) {
      const subject = `driver failed programming external connectivity on endpoint ${endpoint.name} (${endpoint.endpointId})`
      throw new GantryError(kindOf(error), `${subject}: ${messageOf(error)}`, { cause: error })
    }
  }

  #publish(endpoint: Endpoint, ports: readonly PublishedPort[]) {
    if (ports.length === 0) return
    try {
      publish(this.#nft, this.#options.table, { endpoint, ports })
    } catch (error) {
      // A reload of the host's own firewall may have flushed every table, ours too.
      this.#options.log.warn(
        { error: messageOf(error) },
        'The firewall table was changed from outside; loading it anew',
      )
      loadTable(this.#nft, this.#firewall, [...this.#members.values(), { endpoint, ports }])
    }
    forgetEarlierFlows(this.#host, endpoint, ports)
  }

  #unpublish(endpoint: Endpoint, ports: readonly PublishedPort[]) {
    if (ports.length === 0) return
    unpublish(this.#nft, this.#options.table, { endpoint, ports })
    forgetLaterFlows(endpoint, ports)
  }

  #tellNeighbour(endpoint: Endpoint) {
    this.#host.transact(setNeighbour({ link: this.#bridge.index, address: endpoint.ipv4, mac: endpoint.mac }))
  }

  // Off the path of a start: it lists other tables.
  #review() {
    if (performance.now() - this.#reviewed < reviewMillis) return
    this.#reviewed = performance.now()
    setImmediate(() => this.#closed || this.#allowForwarding()).unref()
  }

  #allowForwarding() {
    const { log, plan } = this.#options
    this.#reviewed = performance.now()
    try {
      if (!allowForwarding(this.#nft, plan.bridge)) return
      log.info(
        { bridge: plan.bridge },
        'The host drops forwarded packets; rules for the bridge were added to its filter table',
      )
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'Cannot add rules for the bridge to the filter table of the host')
    }
  }

  /** Ends the relays and lets go of the sockets. Containers stay connected; exceptions elsewhere go with the last one. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const member of this.#members.values()) await member.relays[Symbol.asyncDispose]()
    if (this.#members.size === 0) withdrawForwarding(this.#nft, this.#options.plan.bridge)
    this.#nft[Symbol.dispose]()
    this.#host.close()
  }
}

function gatewaysOf({ subnet4, gateway4, subnet6, gateway6 }: BridgePlan) {
  const gateways = [{ address: gateway4, prefix: parseSubnet(subnet4).prefix }]
  if (subnet6 !== undefined && gateway6 !== undefined) {
    gateways.push({ address: gateway6, prefix: parseSubnet(subnet6).prefix })
  }
  return gateways
}
