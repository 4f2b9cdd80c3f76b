// The daemon's networks: `bridge`, `host` and `none`, and which containers are on them.

import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { invalid, notFound, system } from '../lib/errors.ts'
import { type Ids, randomIds } from '../lib/ids.ts'
import type { Log } from '../lib/log.ts'
import type { Database } from '../state/database.ts'
import { createIsolated } from './attach.ts'
import { BridgeNetwork } from './bridge-network.ts'
import { describeNetwork, type NetworkDescription } from './describe.ts'
import { type BridgePolicy, tableFor } from './firewall.ts'
import { type Ipv6Options, overlapOf, planBridge, takenSubnets } from './plan.ts'
import { type BridgePlan, type NetworkRecord, NetworkRecords } from './records.ts'
import { type AddressPool, defaultPools } from './subnet.ts'
import type { Connection, ConnectRequest, Endpoint, LiveConnection } from './types.ts'

/** How the daemon's networks are to be; every field but the first two has dockerd's default. */
export interface NetworksOptions {
  readonly database: Database
  readonly log: Log
  /** The bridge device: `gantry0`. Daemons side by side need one each. */
  readonly bridgeName?: string
  /** `--bip`: the bridge's address with its prefix. */
  readonly bip?: string
  /** `--default-address-pool`. */
  readonly pools?: readonly AddressPool[]
  /** `--fixed-cidr`: where containers get their addresses from, part of the bridge's subnet. */
  readonly range?: string
  /** `--default-gateway`, in the bridge's subnet. */
  readonly router?: string
  readonly ipv6?: Ipv6Options
  /** `--ip`, for those who look: where ports are published is said with each. */
  readonly publishAddress?: string
  /** False for `--icc=false`, `--ip-masq=false` and `--ip-forward=false`. */
  readonly betweenContainers?: boolean
  readonly masquerade?: boolean
  readonly forward?: boolean
  readonly mtu?: number
  readonly ids?: Ids
  readonly clock?: Clock
}

/** Told of the seconds that connecting a container, or releasing what it had, took. */
export type NetworkObserver = (action: 'connect' | 'release', seconds: number) => void

/** The networks of one daemon. Call `restore` for every running container, then `start`. */
export class Networks implements AsyncDisposable {
  readonly #options: NetworksOptions
  readonly #records: NetworkRecords
  readonly #bridgeName: string
  readonly #mtu: number
  // Containers made known before the start, so that the rules can be loaded with theirs among them.
  readonly #waiting: LiveConnection[] = []
  #bridge: BridgeNetwork | undefined
  #observer: NetworkObserver | undefined

  /** Throws invalid if the bridge's name cannot be one. */
  constructor(options: NetworksOptions) {
    this.#options = options
    this.#bridgeName = options.bridgeName ?? 'gantry0'
    this.#mtu = options.mtu ?? 1500
    this.#records = new NetworkRecords(options.database, options.ids ?? randomIds, options.clock ?? systemClock)
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(this.#bridgeName)) {
      throw invalid(`${this.#bridgeName} cannot be the name of a bridge: at most 15 letters, digits, _, . and -`)
    }
  }

  /** Creates or repairs the bridge, its firewall table and the records. Throws if the host doesn't let it. */
  async start(): Promise<void> {
    this.#records.save('host', { driver: 'host' })
    this.#records.save('none', { driver: 'null' })
    const plan = this.#plan()
    const record = this.#records.save('bridge', { driver: 'bridge', ...plan })
    const { log, ids = randomIds, forward = true } = this.#options
    const policy = this.#policy
    const table = tableFor(plan.bridge)
    const live = this.#waiting.splice(0)
    const options = { networkId: record.id, plan, table, mtu: this.#mtu, policy, forward, log, ids }
    this.#bridge = await BridgeNetwork.open(options, live)
  }

  /** The bridge's IPv4 address: what `host-gateway` stands for. */
  get gateway(): string {
    const { definition } = this.#record('bridge')
    if (definition.driver !== 'bridge') throw system('The record of the network bridge is damaged')
    return definition.gateway4
  }

  /**
   * Makes a network namespace for a container: with an eth0 on the bridge and its ports published, or, for `none`, with
   * only lo. Nothing is left behind if it throws: invalid for a bad address, conflict for a taken one, system with
   * dockerd's message for a taken port.
   */
  async connect(request: ConnectRequest): Promise<Connection> {
    return await this.#timed('connect', async () => {
      if (request.networkMode !== 'none') return await this.#started().connect(request)
      return { namespace: createIsolated(request.namespace), ports: [], reservations: [] }
    })
  }

  /** Withdraws the ports of an endpoint and frees its addresses; the device goes with the namespace. Idempotent. */
  async disconnect(endpoint: Endpoint): Promise<void> {
    await this.#timed('release', () => this.#started().disconnect(endpoint))
  }

  /** From now on `observer` is told of all that succeeds. */
  observe(observer: NetworkObserver): void {
    this.#observer = observer
  }

  async #timed<T>(action: 'connect' | 'release', body: () => Promise<T>): Promise<T> {
    const before = performance.now()
    const result = await body()
    this.#observer?.(action, (performance.now() - before) / 1000)
    return result
  }

  /** Takes a container that runs already back on the books, with the sockets of its relayed ports from the shim. */
  async restore(connection: LiveConnection): Promise<void> {
    if (this.#bridge) await this.#bridge.restore(connection)
    else this.#waiting.push(connection)
  }

  /** Every network, as `GET /networks` shows them. */
  list(): NetworkDescription[] {
    return ['bridge', 'host', 'none'].map(name => this.#describe(this.#record(name)))
  }

  /** The id of the network called `name`; '' if there is none. */
  idOf(name: string): string {
    return this.#records.find(name)?.id ?? ''
  }

  /** The network with this name, id or unambiguous start of an id. Throws notFound. */
  inspect(nameOrId: string): NetworkDescription {
    const all = this.list()
    const exact = all.find(network => network.Name === nameOrId || network.Id === nameOrId)
    if (exact) return exact
    const [found, ...others] = nameOrId === '' ? [] : all.filter(network => network.Id.startsWith(nameOrId))
    if (!found) throw notFound(`network ${nameOrId} not found`)
    if (others.length > 0)
      throw invalid(`network ${nameOrId} is ambiguous (${others.length + 1} matches found on ID prefix)`)
    return found
  }

  get #policy(): BridgePolicy {
    const { betweenContainers = true, masquerade = true } = this.#options
    return { betweenContainers, masquerade }
  }

  #plan(): BridgePlan {
    const { bip, range, router, ipv6, log, pools = defaultPools } = this.#options
    using socket = NetlinkSocket.open(NETLINK_ROUTE)
    const bridgeName = this.#bridgeName
    const plan = planBridge(socket, { bridgeName, bip, range, router, ipv6, pools }, this.#before())
    const other = overlapOf(plan, takenSubnets(socket, bridgeName))
    if (other !== undefined) {
      log.warn(
        { subnet: plan.subnet4, route: other },
        'The subnet of the bridge overlaps a route of the host; see --bip',
      )
    }
    return plan
  }

  #before(): BridgePlan | undefined {
    const definition = this.#records.find('bridge')?.definition
    return definition?.driver === 'bridge' ? definition : undefined
  }

  #describe(record: NetworkRecord): NetworkDescription {
    const endpoints = record.definition.driver === 'bridge' ? (this.#bridge?.endpoints ?? []) : []
    return describeNetwork(record, endpoints, {
      mtu: this.#mtu,
      policy: this.#policy,
      publishAddress: this.#options.publishAddress ?? '0.0.0.0',
    })
  }

  #record(name: string): NetworkRecord {
    const record = this.#records.find(name)
    if (!record) throw system(`The network ${name} has no record: the networks were not started`)
    return record
  }

  #started(): BridgeNetwork {
    if (!this.#bridge) throw system('The networks were not started')
    return this.#bridge
  }

  /** Lets go of everything the daemon itself holds; containers and the bridge stay as they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bridge?.[Symbol.asyncDispose]()
    this.#bridge = undefined
  }
}
