// A container's host name: its own, or that of whoever it shares the name with.

import { readFileSync } from 'node:fs'
import type { ContainerConfig, HostConfig } from '../api/types/container.ts'
import { shortId } from '../lib/ids.ts'
import { containerOf } from '../runtime/modes.ts'
import type { Engine } from './engine.ts'

type Parts = Pick<Engine, 'containers'>

/** The name that comes with the host's network or uts namespace, or with another container's network; else undefined. */
export function inheritedHostname(engine: Parts, hostConfig: HostConfig): string | undefined {
  if (hostConfig.NetworkMode === 'host' || hostConfig.UTSMode === 'host') {
    return readFileSync('/proc/sys/kernel/hostname', 'utf8').trim()
  }
  const target = containerOf(hostConfig.NetworkMode)
  return target === undefined ? undefined : (engine.containers.find(target)?.definition.config.Hostname ?? '')
}

/** The name that the container gets. */
export function chooseHostname(engine: Parts, config: ContainerConfig, hostConfig: HostConfig, id: string): string {
  return config.Hostname || (inheritedHostname(engine, hostConfig) ?? shortId(id))
}
