// Whether the networks that a request names exist and go together.

import type { HostConfig } from '../api/types/container.ts'
import type { EndpointSettings } from '../api/types/network.ts'
import { invalid } from '../lib/errors.ts'
import { containerOf } from '../runtime/modes.ts'
import type { Engine } from './engine.ts'

type Endpoints = Readonly<Record<string, EndpointSettings | null>>

/** The endpoints to keep. Throws dockerd's errors for an unknown network or one that can't be combined. */
export function checkNetwork(
  engine: Pick<Engine, 'networks' | 'containers'>,
  hostConfig: HostConfig,
  endpoints: Endpoints,
): Record<string, EndpointSettings> {
  const target = containerOf(hostConfig.NetworkMode)
  const published = Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts
  if (target !== undefined) {
    engine.containers.get(target)
    if (published) throw invalid('conflicting options: port publishing and the container type network mode')
    if (hostConfig.Dns?.length) throw invalid('conflicting options: dns and the network mode')
    if (hostConfig.ExtraHosts?.length) {
      throw invalid('conflicting options: custom host-to-IP mapping and the network mode')
    }
    return {}
  }
  if (hostConfig.NetworkMode === 'host' && hostConfig.Links?.length) {
    throw invalid(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    )
  }
  const kept: Record<string, EndpointSettings> = {}
  for (const [name, endpoint] of Object.entries(endpoints)) {
    if (endpoint) kept[name === 'default' ? 'bridge' : name] = endpoint
  }
  return kept
}
