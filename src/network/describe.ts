// Networks as `GET /networks` and `GET /networks/{id}` show them.

import { formatTime } from '../lib/clock.ts'
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
    Config: { Subnet: string; Gateway: string }[] | null
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

/** A container on a network; the addresses are in CIDR form. */
export interface EndpointDescription {
  Name: string
  EndpointID: string
  MacAddress: string
  IPv4Address: string
  IPv6Address: string
}

/** `record` in the Engine API's shape, with the containers on it. */
export function describeNetwork(
  record: NetworkRecord,
  endpoints: readonly Endpoint[],
  mtu: number,
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
    Options: definition.driver === 'bridge' ? optionsOf(definition.bridge, mtu) : {},
    Labels: {},
  }
}

function subnetsOf({ definition }: NetworkRecord) {
  if (definition.driver !== 'bridge') return null
  const config = [{ Subnet: definition.subnet4, Gateway: definition.gateway4 }]
  const { subnet6, gateway6 } = definition
  if (subnet6 !== undefined && gateway6 !== undefined) config.push({ Subnet: subnet6, Gateway: gateway6 })
  return config
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

const optionsOf = (bridge: string, mtu: number) => ({
  'com.docker.network.bridge.default_bridge': 'true',
  'com.docker.network.bridge.enable_icc': 'true',
  'com.docker.network.bridge.enable_ip_masquerade': 'true',
  'com.docker.network.bridge.host_binding_ipv4': '0.0.0.0',
  'com.docker.network.bridge.name': bridge,
  'com.docker.network.driver.mtu': String(mtu),
})
