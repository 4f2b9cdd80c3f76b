// A container's ports: exposed by its config, published by the network.

import type { PortMap } from '../api/types/network.ts'
import type { PortSummary } from '../api/types/container.ts'
import type { Container } from './model.ts'

/** Ports of a running container: bindings of the published ones, null for those only exposed. Empty if not running. */
export function portMap(container: Container): PortMap {
  const ports: PortMap = {}
  if (!container.state.sandbox?.endpoint) return ports
  for (const port of Object.keys(container.definition.config.ExposedPorts ?? {})) ports[withProtocol(port)] = null
  for (const { containerPort, protocol, hostAddress, hostPort } of container.state.sandbox.ports) {
    const bindings = (ports[`${containerPort}/${protocol}`] ??= [])
    bindings.push({ HostIp: hostAddress, HostPort: String(hostPort) })
  }
  return ports
}

const withProtocol = (port: string) => (port.includes('/') ? port : `${port}/tcp`)

/** The same as `docker ps` takes it. */
export function portSummaries(container: Container): PortSummary[] {
  return Object.entries(portMap(container)).flatMap(([port, bindings]) => {
    const [number, Type = 'tcp'] = port.split('/')
    const PrivatePort = Number(number)
    if (!bindings) return [{ PrivatePort, Type }]
    return bindings.map(({ HostIp, HostPort }) => ({ IP: HostIp, PrivatePort, PublicPort: Number(HostPort), Type }))
  })
}
