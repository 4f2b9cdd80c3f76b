// What the network gives a container that starts, and how its requests for ports are read.

import { conflict, invalid } from '../lib/errors.ts'
import type { Fd } from '../kernel/descriptor.ts'
import type { ConnectRequest, Endpoint, PortRequest, PublishedPort } from '../network/types.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'
import { networkName } from './network-settings.ts'

/** A container's network while it starts. Disposing of it undoes the connection. */
export interface Connected extends AsyncDisposable {
  /** Held until the shim has its copy; undefined if the container joins a namespace that is there already. */
  readonly namespace: Fd | undefined
  /** Path of a namespace to join: another container's. */
  readonly joined: string | undefined
  readonly endpoint: Endpoint | undefined
  readonly ports: readonly PublishedPort[]
  readonly reservations: readonly Fd[]
  /** Closes our copies of what the shim holds by now. */
  handOver(): void
}

type Parts = Pick<Engine, 'networks' | 'containers' | 'settings'>

/** Connects a container as its NetworkMode says, if it has a network by `namespace` or else a new one. Throws dockerd's errors, with nothing left behind. */
export async function connectNetwork(engine: Parts, container: Container, namespace?: Fd): Promise<Connected> {
  const { NetworkMode: mode } = container.definition.hostConfig
  const target = /^container:(.+)$/.exec(mode)?.[1]
  if (target !== undefined) return nothingOfItsOwn(`/proc/${runningTarget(engine, target).state.pid}/ns/net`)
  const name = engine.networks.inspect(networkName(container) ?? '').Name
  if (name === 'host') return nothingOfItsOwn(undefined)
  const connection = await engine.networks.connect({ ...connectRequest(engine, container, name), namespace })
  const handOver = () => {
    connection.namespace.close()
    for (const reservation of connection.reservations) reservation.close()
  }
  return {
    namespace: connection.namespace,
    joined: undefined,
    endpoint: connection.endpoint,
    ports: connection.ports,
    reservations: connection.reservations,
    handOver,
    async [Symbol.asyncDispose]() {
      handOver()
      if (connection.endpoint) await engine.networks.disconnect(connection.endpoint)
    },
  }
}

function nothingOfItsOwn(joined: string | undefined): Connected {
  return {
    namespace: undefined,
    joined,
    endpoint: undefined,
    ports: [],
    reservations: [],
    handOver() {},
    async [Symbol.asyncDispose]() {},
  }
}

/** The running container that another one shares a namespace with. Throws dockerd's errors. */
export function runningTarget(engine: Pick<Engine, 'containers'>, reference: string): Container {
  const target = engine.containers.get(reference)
  if (target.isRunning) return target
  throw conflict(`cannot join network namespace of a non running container: ${target.id}`)
}

function connectRequest({ settings }: Parts, container: Container, name: string): ConnectRequest {
  const { config, endpoints } = container.definition
  const none = name === 'none' || config.NetworkDisabled === true
  const asked = endpoints[name]
  return {
    containerId: container.id,
    name: container.name,
    networkMode: none ? 'none' : 'bridge',
    ports: none ? [] : portRequests(container).map(port => publishedAt(port, settings.publishAddress)),
    ...((asked?.MacAddress || config.MacAddress) && { mac: asked?.MacAddress || config.MacAddress }),
    ...(asked?.IPAMConfig?.IPv4Address && { ip: asked.IPAMConfig.IPv4Address }),
    ...(asked?.IPAMConfig?.IPv6Address && { ip6: asked.IPAMConfig.IPv6Address }),
  }
}

const publishedAt = (port: PortRequest, address: string): PortRequest =>
  port.hostAddress === '' ? { ...port, hostAddress: address } : port

/** All ports to publish: those bound explicitly, and with PublishAllPorts the exposed ones that aren't. */
export function portRequests(container: Container): PortRequest[] {
  const { config, hostConfig } = container.definition
  const bindings = hostConfig.PortBindings ?? {}
  const requests = Object.entries(bindings).flatMap(([port, list]) => {
    checkPort(port)
    return (list ?? []).map(binding => portRequest(port, binding.HostIp, binding.HostPort))
  })
  if (!hostConfig.PublishAllPorts) return requests
  const open = Object.keys(config.ExposedPorts ?? {}).filter(port => !bindings[port]?.length)
  return [...requests, ...open.map(port => portRequest(port, '', ''))]
}

const protocols = ['tcp', 'udp', 'sctp'] as const

/** One binding: container port `80/tcp`, host port `8080`, a range `8000-8010`, or '' for any. Throws dockerd's errors. */
export function portRequest(port: string, hostAddress: string, hostPort: string): PortRequest {
  const [number = '', protocolText = 'tcp'] = port.split('/')
  const protocol = protocols.find(known => known === protocolText.toLowerCase())
  if (!protocol) throw invalid(`invalid port specification: "${port}": unknown protocol ${protocolText}`)
  const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(hostPort === '' ? '0' : hostPort)
  const [first, last] = [Number(range?.[1]), Number(range?.[2] ?? range?.[1])]
  if (!range || last > 65535 || first > last) throw invalid(`invalid port specification: "${hostPort}"`)
  const containerPort = portNumber(number, port)
  return { containerPort, protocol, hostAddress, hostPort: first, ...(last > first && { hostPortEnd: last }) }
}

// Its number is wrong also where nothing is bound to it.
const checkPort = (port: string) => void portNumber(port.split('/')[0] ?? '', port)

function portNumber(text: string, port: string): number {
  const number = Number(text)
  if (/^\d{1,5}$/.test(text) && number > 0 && number <= 65535) return number
  throw invalid(`invalid port specification: "${port}"`)
}
