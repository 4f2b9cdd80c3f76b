// Networks as `GET /networks` and `GET /networks/{id}` show them.

import { formatTime } from '../lib/clock.ts'
import type { BridgePolicy } from './firewall.ts'
import type { NetworkRecord } from './records.ts'
import type { Endpoint } from './types.ts'

/** A network in the Engine API's shape. */
export interface NetworkDescription {
  Name: string
  Id: string
  Created: string
  Scope: string
  Driver: string
  EnableIPv4: boolean
  EnableIPv6: boolean
  IPAM: {
    Driver: string
    Options: Record<string, string> | null
    Config: SubnetDescription[] | null
  }
  Internal: boolean
  Attachable: boolean
  Ingress: boolean
  ConfigFrom: { Network: string }
  ConfigOnly: boolean
  Containers: Record<string, EndpointDescription>
  Options: Record<string, string>
  Labels: Record<string, string>
}

/** A subnet of a network. */
export interface SubnetDescription {
  Subnet: string
  IPRange?: string
  Gateway: string
  AuxiliaryAddresses?: Record<string, string>
}

/** A container on a network; the addresses are in CIDR form. */
export interface EndpointDescription {
  Name: string
  EndpointID: string
  MacAddress: string
  IPv4Address: string
  IPv6Address: string
}

/** What of the daemon's configuration shows in its bridge. */
export interface BridgeSettings {
  readonly mtu: number
  readonly policy: BridgePolicy
  readonly publishAddress: string
}

/** `record` in the Engine API's shape, with the containers on it. */
export function describeNetwork(
  record: NetworkRecord,
  endpoints: readonly Endpoint[],
  settings: BridgeSettings,
): NetworkDescription {
  const { definition } = record
  return {
    Name: record.name,
    Id: record.id,
    Created: formatTime(record.createdAt),
    Scope: 'local',
    Driver: definition.driver,
    EnableIPv4: true,
    EnableIPv6: definition.driver === 'bridge' && definition.subnet6 !== undefined,
    IPAM: { Driver: 'default', Options: null, Config: subnetsOf(record) },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(endpoints.map(endpoint => [endpoint.containerId, describeEndpoint(endpoint)])),
    Options: definition.driver === 'bridge' ? optionsOf(definition.bridge, settings) : {},
    Labels: {},
  }
}

function subnetsOf({ definition }: NetworkRecord) {
  if (definition.driver !== 'bridge') return null
  const { subnet4, gateway4, range4, router4, subnet6, gateway6, range6, router6 } = definition
  const config = [subnetOf(subnet4, gateway4, range4, router4 && { DefaultGatewayIPv4: router4 })]
  if (subnet6 === undefined || gateway6 === undefined) return config
  return [...config, subnetOf(subnet6, gateway6, range6, router6 && { DefaultGatewayIPv6: router6 })]
}

function subnetOf(
  Subnet: string,
  Gateway: string,
  IPRange: string | undefined,
  AuxiliaryAddresses: Record<string, string> | '' | undefined,
): SubnetDescription {
  return { Subnet, ...(IPRange && { IPRange }), Gateway, ...(AuxiliaryAddresses && { AuxiliaryAddresses }) }
}

function describeEndpoint(endpoint: Endpoint): EndpointDescription {
  return {
    Name: endpoint.name,
    EndpointID: endpoint.endpointId,
    MacAddress: endpoint.mac,
    IPv4Address: `${endpoint.ipv4}/${endpoint.prefix4}`,
    IPv6Address: endpoint.ipv6 === undefined ? '' : `${endpoint.ipv6}/${endpoint.prefix6}`,
  }
}

const optionsOf = (bridge: string, { mtu, policy, publishAddress }: BridgeSettings) => ({
  'com.docker.network.bridge.default_bridge': 'true',
  'com.docker.network.bridge.enable_icc': String(policy.betweenContainers),
  'com.docker.network.bridge.enable_ip_masquerade': String(policy.masquerade),
  'com.docker.network.bridge.host_binding_ipv4': publishAddress,
  'com.docker.network.bridge.name': bridge,
  'com.docker.network.driver.mtu': String(mtu),
})
