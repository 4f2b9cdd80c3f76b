// The files that tell a container its own name and how to find others: hostname, hosts and resolv.conf.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostnameFile, hostsFile, hostsFileOfHost } from '../network/hosts.ts'
import { hostResolverPath, resolverFile } from '../network/resolv-conf.ts'
import { containerOf } from '../runtime/modes.ts'
import { runningTarget } from './network.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'
import type { Connected } from './network.ts'
import { containerPaths } from './paths.ts'

type Parts = Pick<Engine, 'settings' | 'networks' | 'containers'>

/** Writes the files for a container that starts; one that shares another's network gets copies of the other's. */
export function writeNetworkFiles(engine: Parts, container: Container, network: Connected): void {
  const paths = containerPaths(engine.settings, container.id)
  mkdirSync(paths.data, { recursive: true, mode: 0o710 })
  const target = containerOf(container.definition.hostConfig.NetworkMode)
  const files = target === undefined ? ownFiles(engine, container, network) : sharedFiles(engine, target)
  writeFileSync(paths.hostname, files.hostname)
  writeFileSync(paths.hosts, files.hosts)
  writeFileSync(paths.resolvConf, files.resolvConf)
}

/** Where these files are, and where the container has them: over the image's, unless the user mounts something else there. */
export function ownFilesOf(
  engine: Pick<Engine, 'settings'>,
  container: Container,
): { source: string; destination: string }[] {
  const paths = containerPaths(engine.settings, container.id)
  const taken = new Set(container.definition.mounts.map(mount => mount.destination))
  const files = [
    { source: paths.resolvConf, destination: '/etc/resolv.conf' },
    { source: paths.hostname, destination: '/etc/hostname' },
    { source: paths.hosts, destination: '/etc/hosts' },
  ]
  return files.filter(({ destination }) => !taken.has(destination))
}

function ownFiles(engine: Parts, container: Container, network: Connected) {
  const { config, hostConfig } = container.definition
  const { settings, networks } = engine
  const { ipv4, ipv6 } = network.endpoint ?? {}
  const hosts = {
    hostname: config.Hostname,
    domainname: config.Domainname,
    addresses: [ipv4, ipv6].filter(address => address !== undefined),
    extraHosts: hostConfig.ExtraHosts ?? [],
    hostGateway: settings.hostGateway.length > 0 ? settings.hostGateway : [networks.gateway],
  }
  const onHost = hostConfig.NetworkMode === 'host'
  return {
    hostname: hostnameFile(config.Hostname),
    hosts: onHost ? hostsFileOfHost(readIfThere('/etc/hosts'), hosts) : hostsFile(hosts),
    resolvConf: resolverFile({
      hostFile: readIfThere(hostResolverPath(readIfThere('/etc/resolv.conf'))),
      servers: hostConfig.Dns?.length ? hostConfig.Dns : settings.dns,
      search: hostConfig.DnsSearch?.length ? hostConfig.DnsSearch : settings.dnsSearch,
      options: hostConfig.DnsOptions?.length ? hostConfig.DnsOptions : settings.dnsOptions,
      ipv6: ipv6 !== undefined,
      hostNetwork: onHost,
    }),
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function sharedFiles(engine: Parts, reference: string) {
  const paths = containerPaths(engine.settings, runningTarget(engine, reference).id)
  return {
    hostname: readFileSync(paths.hostname, 'utf8'),
    hosts: readFileSync(paths.hosts, 'utf8'),
    resolvConf: readFileSync(paths.resolvConf, 'utf8'),
  }
}
