// Whether what a request says about its network goes together, in dockerd's order and words.

import { isIPv4, isIPv6 } from 'node:net'

import type { ContainerConfig, HostConfig } from '../api/types/container.ts'
import type { EndpointSettings } from '../api/types/network.ts'
import { invalid, notImplemented } from '../lib/errors.ts'
import { containerOf } from '../runtime/modes.ts'
import type { Engine } from './engine.ts'
import { inheritedHostname } from './hostname.ts'

/** What of a request for a container concerns its network. */
export interface NetworkRequest {
  readonly config: ContainerConfig
  readonly hostConfig: HostConfig
  readonly endpoints: Readonly<Record<string, EndpointSettings | null>>
}

/** The endpoints to keep. Throws dockerd's errors; whether the network exists shows at the start, as with dockerd. */
export function checkNetwork(
  engine: Pick<Engine, 'containers'>,
  request: NetworkRequest,
): Record<string, EndpointSettings> {
  const { config, hostConfig, endpoints } = request
  // What inspect shows of a name that is shared may be asked for again.
  const named = config.Hostname !== '' && config.Hostname !== inheritedHostname(engine, hostConfig)
  if (hostConfig.UTSMode === 'host' && named) throw conflicting('hostname and the UTS mode')
  if (containerOf(hostConfig.NetworkMode) !== undefined) checkShared(request, named)
  if (hostConfig.NetworkMode === 'host' && hostConfig.Links?.length) {
    throw conflicting("host type networking can't be used with links. This would result in undefined behavior")
  }
  checkLinks(engine, hostConfig)
  const kept: Record<string, EndpointSettings> = {}
  for (const [name, endpoint] of Object.entries(endpoints)) {
    if (endpoint) kept[name === 'default' ? 'bridge' : name] = endpoint
  }
  const names = Object.keys(kept)
  if (names.length > 1) throw invalid(`Container cannot be connected to network endpoints: ${names.join(', ')}`)
  checkDefaultBridge(hostConfig, kept.bridge)
  return kept
}

const conflicting = (what: string) => invalid(`conflicting options: ${what}`)

function checkShared({ config, hostConfig }: NetworkRequest, named: boolean) {
  if (named) throw conflicting('hostname and the network mode')
  if (hostConfig.Links?.length) {
    throw conflicting("container type network can't be used with links. This would result in undefined behavior")
  }
  if (hostConfig.Dns?.length) throw conflicting('dns and the network mode')
  if (hostConfig.ExtraHosts?.length) throw conflicting('custom host-to-IP mapping and the network mode')
  if (config.MacAddress) throw conflicting('mac-address and the network mode')
  if (Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts) {
    throw conflicting('port publishing and the container type network mode')
  }
  if (Object.keys(config.ExposedPorts ?? {}).length > 0) {
    throw conflicting('port exposing and the container type network mode')
  }
}

function checkLinks(engine: Pick<Engine, 'containers'>, { Links }: HostConfig) {
  for (const link of Links ?? []) {
    const [name = ''] = link.split(':')
    if (!engine.containers.find(name)) throw invalid(`could not get container for ${name}: No such container: ${name}`)
    throw notImplemented('links are not supported: let the containers share a network by --network container:NAME')
  }
}

function checkDefaultBridge({ NetworkMode: mode }: HostConfig, bridge: EndpointSettings | undefined) {
  if (!['', 'default', 'bridge'].includes(mode) || !bridge) return
  const { IPv4Address: ipv4, IPv6Address: ipv6 } = bridge.IPAMConfig ?? {}
  if (ipv4 && !isIPv4(ipv4)) throw invalid(`invalid IPv4 address: ${ipv4}`)
  if (ipv6 && !isIPv6(ipv6)) throw invalid(`invalid IPv6 address: ${ipv6}`)
  if (ipv4 || ipv6) {
    throw invalid('user specified IP address is supported on user defined networks only')
  }
  if (bridge.Aliases?.length) {
    throw invalid('network-scoped alias is supported only for containers in user defined networks')
  }
}
