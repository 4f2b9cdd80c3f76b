// `gantry info`: what the engine and its host have and are set to.

import type { SystemInfo } from '../../api/types/system.ts'
import { engineInfo } from '../../client/system.ts'
import { gantryVersion } from '../../lib/version.ts'
import { flag } from '../flags.ts'
import { goJson } from '../../lib/template/functions.ts'
import { compileTemplate } from '../output/template.ts'
import { binarySize } from '../output/units.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Display system-wide information',
  flags: [flag('format', 'text', "Format output: 'json' or a Go template", 'f')],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const info = await engineInfo(context.client)
    const format = flags.text('format')
    if (format === 'json') context.stdout.write(`${goJson(info)}\n`)
    else if (format) context.stdout.write(`${compileTemplate(format)(info)}\n`)
    else {
      const client = `Client:\n Version:    ${gantryVersion()}\n\nServer:\n`
      context.stdout.write(client + describe(info))
      for (const warning of info.Warnings ?? []) context.stderr.write(`${warning}\n`)
    }
    return 0
  },
}

type Line = readonly [depth: number, name: string, value?: string | number | boolean | undefined]

function describe(info: SystemInfo): string {
  return [...counts(info), ...drivers(info), ...host(info)].map(showLine).join('')
}

function showLine([depth, name, value]: Line): string {
  const indent = ' '.repeat(depth)
  return value === undefined ? `${indent}${name}\n` : `${indent}${name}: ${value}\n`
}

function counts(info: SystemInfo): Line[] {
  return [
    [1, 'Containers', info.Containers],
    [2, 'Running', info.ContainersRunning],
    [2, 'Paused', info.ContainersPaused],
    [2, 'Stopped', info.ContainersStopped],
    [1, 'Images', info.Images],
    [1, 'Server Version', info.ServerVersion],
  ]
}

function drivers(info: SystemInfo): Line[] {
  const { Volume: volumes, Network: networks, Log: logs } = info.Plugins
  return [
    [1, 'Storage Driver', info.Driver],
    ...(info.DriverStatus ?? []).map(([name, value]): Line => [2, name, value]),
    [1, 'Logging Driver', info.LoggingDriver],
    [1, 'Cgroup Driver', info.CgroupDriver],
    [1, 'Cgroup Version', info.CgroupVersion ?? '1'],
    [1, 'Plugins:'],
    [2, 'Volume', (volumes ?? []).join(' ')],
    [2, 'Network', (networks ?? []).join(' ')],
    [2, 'Log', (logs ?? []).join(' ')],
    ...(info.CDISpecDirs.length > 0 ? [[1, 'CDI spec directories:'] as Line] : []),
    ...info.CDISpecDirs.map((directory): Line => [2, directory]),
    ...(info.DiscoveredDevices?.length ? [[1, 'Discovered Devices:'] as Line] : []),
    ...(info.DiscoveredDevices ?? []).map(({ Source, ID }): Line => [2, Source, ID]),
    [1, 'Swarm', info.Swarm.LocalNodeState],
    [
      1,
      'Runtimes',
      Object.keys(info.Runtimes ?? {})
        .toSorted()
        .join(' '),
    ],
    [1, 'Default Runtime', info.DefaultRuntime],
    [1, 'Init Binary', info.InitBinary],
    [1, 'Security Options:'],
    ...(info.SecurityOptions ?? []).flatMap(securityLines),
  ]
}

// `name=seccomp,profile=builtin`
function securityLines(option: string): Line[] {
  const pairs = option.split(',').map(pair => pair.split('='))
  return pairs.map(([key = '', value = '']): Line => {
    return key === 'name' ? [2, value] : [3, key.charAt(0).toUpperCase() + key.slice(1), value]
  })
}

function host(info: SystemInfo): Line[] {
  return [
    [1, 'Kernel Version', info.KernelVersion],
    [1, 'Operating System', info.OperatingSystem],
    [1, 'OSType', info.OSType],
    [1, 'Architecture', info.Architecture],
    [1, 'CPUs', info.NCPU],
    [1, 'Total Memory', binarySize(info.MemTotal)],
    [1, 'Name', info.Name],
    [1, 'ID', info.ID],
    [1, 'Docker Root Dir', info.DockerRootDir],
    [1, 'Debug Mode', info.Debug],
    [1, 'Experimental', info.ExperimentalBuild],
    ...(info.Labels?.length ? [[1, 'Labels:'] as Line, ...info.Labels.map((label): Line => [2, label])] : []),
    [1, 'Live Restore Enabled', info.LiveRestoreEnabled],
  ]
}
