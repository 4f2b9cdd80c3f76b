// Endpoints, ports and networks.

import { type Static, dictionary, flag, integer, list, nullable, omitted, struct, text } from '../schema.ts'

/** Where a container's port is published. */
export const PortBinding = struct('PortBinding', { HostIp: text(), HostPort: text() })
export type PortBinding = Static<typeof PortBinding>

/** Bindings by container port, such as `80/tcp`. In inspect, null stands for exposed and not published. */
export const PortMap = dictionary(list(PortBinding))
export type PortMap = NonNullable<Static<typeof PortMap>>

export const EndpointIPAMConfig = struct('EndpointIPAMConfig', {
  IPv4Address: omitted(text()),
  IPv6Address: omitted(text()),
  LinkLocalIPs: omitted(list(text())),
})
export type EndpointIPAMConfig = Static<typeof EndpointIPAMConfig>

/** A container's connection to one network: what was asked and, from NetworkID on, what it got. */
export const EndpointSettings = struct('EndpointSettings', {
  IPAMConfig: nullable(EndpointIPAMConfig),
  Links: list(text()),
  Aliases: list(text()),
  MacAddress: text(),
  DriverOpts: dictionary(text()),
  GwPriority: integer('int'),
  NetworkID: text(),
  EndpointID: text(),
  Gateway: text(),
  IPAddress: text(),
  IPPrefixLen: integer('int'),
  IPv6Gateway: text(),
  GlobalIPv6Address: text(),
  GlobalIPv6PrefixLen: integer('int'),
  DNSNames: list(text()),
})
export type EndpointSettings = Static<typeof EndpointSettings>

export const NetworkingConfig = struct('NetworkingConfig', {
  EndpointsConfig: dictionary(nullable(EndpointSettings)),
})
export type NetworkingConfig = Static<typeof NetworkingConfig>

export const IPAMConfig = struct('IPAMConfig', {
  Subnet: omitted(text()),
  IPRange: omitted(text()),
  Gateway: omitted(text()),
  AuxiliaryAddresses: omitted(dictionary(text())),
})
export type IPAMConfig = Static<typeof IPAMConfig>

export const IPAM = struct('IPAM', { Driver: text(), Options: dictionary(text()), Config: list(IPAMConfig) })
export type IPAM = Static<typeof IPAM>

export const ConfigReference = struct('ConfigReference', { Network: text() })
export type ConfigReference = Static<typeof ConfigReference>

export const NetworkCreateRequest = struct('CreateRequest', {
  Name: text(),
  Driver: text(),
  Scope: text(),
  EnableIPv4: nullable(flag()),
  EnableIPv6: nullable(flag()),
  IPAM: nullable(IPAM),
  Internal: flag(),
  Attachable: flag(),
  Ingress: flag(),
  ConfigOnly: flag(),
  ConfigFrom: nullable(ConfigReference),
  Options: dictionary(text()),
  Labels: dictionary(text()),
})
export type NetworkCreateRequest = Static<typeof NetworkCreateRequest>

export interface NetworkCreateResponse {
  Id: string
  Warning: string
}

export const NetworkConnectRequest = struct('ConnectRequest', {
  Container: text(),
  EndpointConfig: nullable(EndpointSettings),
})
export type NetworkConnectRequest = Static<typeof NetworkConnectRequest>

export const NetworkDisconnectRequest = struct('DisconnectRequest', { Container: text(), Force: flag() })
export type NetworkDisconnectRequest = Static<typeof NetworkDisconnectRequest>

/** A network as list shows it. */
export interface NetworkSummary {
  Name: string
  Id: string
  Created: string
  Scope: string
  Driver: string
  EnableIPv4: boolean
  EnableIPv6: boolean
  IPAM: IPAM
  Internal: boolean
  Attachable: boolean
  Ingress: boolean
  ConfigFrom: ConfigReference
  ConfigOnly: boolean
  Containers: Record<string, EndpointResource> | null
  Options: Record<string, string>
  Labels: Record<string, string>
}

/** A network as inspect shows it; Status from API 1.52 on. */
export interface NetworkInspect extends NetworkSummary {
  Status?: { IPAM: { Subnets: Record<string, { IPsInUse: number; DynamicIPsAvailable: number }> } }
}

/** A container on a network. Addresses are in CIDR form. */
export interface EndpointResource {
  Name: string
  EndpointID: string
  MacAddress: string
  IPv4Address: string
  IPv6Address: string
}
