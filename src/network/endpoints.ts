// Endpoints on the bridge: an address of each family and a MAC for a container, never given twice.

import { invalid } from '../lib/errors.ts'
import type { Ids } from '../lib/ids.ts'
import { Addresses } from './addresses.ts'
import { macOf } from './mac.ts'
import type { BridgePlan } from './records.ts'
import { parseSubnet } from './subnet.ts'
import type { ConnectRequest, Endpoint } from './types.ts'

/** Makes endpoints of one bridge network. */
export class Endpoints {
  readonly #networkId: string
  readonly #plan: BridgePlan
  readonly #ids: Ids
  readonly #ipv4: Addresses
  readonly #ipv6: Addresses | undefined

  constructor(networkId: string, plan: BridgePlan, ids: Ids) {
    this.#networkId = networkId
    this.#plan = plan
    this.#ids = ids
    const { subnet4, gateway4, subnet6, gateway6, range4, range6, router4, router6 } = plan
    this.#ipv4 = addressesOf(subnet4, [gateway4, router4], range4)
    this.#ipv6 = subnet6 && gateway6 ? addressesOf(subnet6, [gateway6, router6], range6) : undefined
  }

  /** An endpoint for a container; throws if the addresses asked for are taken or not the network's. */
  create(request: ConnectRequest): Endpoint {
    const mac = request.mac === undefined ? undefined : parseMac(request.mac)
    const ipv4 = takeFrom(this.#ipv4, request.ip)
    try {
      const endpointId = this.#ids.next()
      return {
        networkId: this.#networkId,
        endpointId,
        containerId: request.containerId,
        name: request.name,
        ipv4,
        prefix4: parseSubnet(this.#plan.subnet4).prefix,
        gateway4: this.#plan.router4 ?? this.#plan.gateway4,
        ...this.#createIpv6(request.ip6),
        mac: mac ?? macOf(ipv4),
        link: `veth${endpointId.slice(0, 10)}`,
      }
    } catch (error) {
      this.#ipv4.release(ipv4)
      throw error
    }
  }

  /** Marks the addresses of an endpoint that exists already. */
  restore(endpoint: Endpoint): void {
    this.#ipv4.restore(endpoint.ipv4)
    if (endpoint.ipv6 !== undefined) this.#ipv6?.restore(endpoint.ipv6)
  }

  release(endpoint: Endpoint): void {
    this.#ipv4.release(endpoint.ipv4)
    if (endpoint.ipv6 !== undefined) this.#ipv6?.release(endpoint.ipv6)
  }

  #createIpv6(wanted: string | undefined) {
    const { subnet6, gateway6, router6 = gateway6 } = this.#plan
    if (!this.#ipv6 || subnet6 === undefined) {
      if (wanted !== undefined) throw invalid(`The network has no IPv6, so ${wanted} cannot be given`)
      return {}
    }
    return { ipv6: takeFrom(this.#ipv6, wanted), prefix6: parseSubnet(subnet6).prefix, gateway6: router6 }
  }
}

const addressesOf = (subnet: string, gateways: readonly (string | undefined)[], range: string | undefined) =>
  new Addresses(
    parseSubnet(subnet),
    gateways.filter(gateway => gateway !== undefined),
    range === undefined ? undefined : parseSubnet(range),
  )

const takeFrom = (addresses: Addresses, wanted: string | undefined) =>
  wanted === undefined ? addresses.take() : addresses.takeThis(wanted)

/** `text` in lower case with colons. Throws invalid if it isn't a unicast MAC. */
function parseMac(text: string): string {
  const mac = text.toLowerCase().replaceAll('-', ':')
  const multicast = Number.parseInt(mac.slice(0, 2), 16) & 1
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) || multicast) throw invalid(`invalid MAC address: ${text}`)
  return mac
}
