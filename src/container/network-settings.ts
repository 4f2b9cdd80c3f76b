// The NetworkSettings of inspect and list.

import type { NetworkSettings } from '../api/types/container.ts'
import type { EndpointSettings } from '../api/types/network.ts'
import type { Engine } from './engine.ts'
import type { Container, Sandbox } from './model.ts'
import { portMap } from './ports.ts'

/** Name of the network that a container joins by itself; undefined if it shares another container's. */
export function networkName(container: Container): string | undefined {
  const mode = container.definition.hostConfig.NetworkMode
  if (mode === '' || mode === 'default') return 'bridge'
  return mode.startsWith('container:') ? undefined : mode
}

/** A container's networks by name, with addresses while it runs. */
export function endpointSettings(
  engine: Pick<Engine, 'networks'>,
  container: Container,
): Record<string, EndpointSettings> {
  const name = networkName(container)
  if (name === undefined) return {}
  const asked = container.definition.endpoints[name]
  const given = container.isRunning ? container.state.sandbox : undefined
  return {
    [name]: {
      IPAMConfig: asked?.IPAMConfig ?? null,
      Links: asked?.Links ?? null,
      Aliases: asked?.Aliases ?? null,
      DriverOpts: asked?.DriverOpts ?? null,
      GwPriority: asked?.GwPriority ?? 0,
      DNSNames: null,
      NetworkID: container.state.startedAt.startsWith('0001') ? '' : engine.networks.idOf(name),
      ...addresses(given),
    },
  }
}

function addresses(sandbox: Sandbox | undefined) {
  const endpoint = sandbox?.endpoint
  return {
    EndpointID: endpoint?.endpointId ?? '',
    MacAddress: endpoint?.mac ?? '',
    Gateway: endpoint?.gateway4 ?? '',
    IPAddress: endpoint?.ipv4 ?? '',
    IPPrefixLen: endpoint?.prefix4 ?? 0,
    IPv6Gateway: endpoint?.gateway6 ?? '',
    GlobalIPv6Address: endpoint?.ipv6 ?? '',
    GlobalIPv6PrefixLen: endpoint?.prefix6 ?? 0,
  }
}

/** All of it, with the fields that older clients read; those of the default bridge stand at the top as well. */
export function networkSettings(engine: Pick<Engine, 'networks'>, container: Container): NetworkSettings {
  const given = container.isRunning ? container.state.sandbox : undefined
  const live = container.isRunning
  return {
    Bridge: '',
    SandboxID: live ? container.id : '',
    SandboxKey: live ? `/proc/${container.state.pid}/ns/net` : '',
    Ports: portMap(container),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...addresses(networkName(container) === 'bridge' ? given : undefined),
    Networks: endpointSettings(engine, container),
  }
}
