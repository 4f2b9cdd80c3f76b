// Device nodes in a container's /dev, and what its cgroup lets it do with devices.

import { type Stats, lstatSync, readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { describe, hasCode } from '../kernel/ffi.ts'
import { invalid } from '../lib/errors.ts'
import type { Device, DeviceRule } from '../oci/runtime-spec.ts'
import { deviceNumber } from './device-number.ts'
import type { DeviceMapping, IsolationRequest } from './request.ts'

/** Nodes to create beyond the runtime's own, and the rules that go with them. */
export interface DeviceAccess {
  devices: Device[]
  rules: DeviceRule[]
}

const character = (allow: boolean, major: number, minor: number): DeviceRule => ({
  allow,
  type: 'c',
  major,
  minor,
  access: 'rwm',
})

/** null, zero, full, random, urandom, tty and console are allowed, fuse is not; anything else is denied first. */
export const defaultDeviceRules: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  character(true, 1, 5),
  character(true, 1, 3),
  character(true, 1, 9),
  character(true, 1, 8),
  character(true, 5, 0),
  character(true, 5, 1),
  character(false, 10, 229),
]

/** Looks up on the host what `--device`, `--device-cgroup-rule` and `--privileged` name. Errors as dockerd's. */
export function readDeviceAccess(request: IsolationRequest): DeviceAccess {
  const mappings = request.Devices ?? []
  if (request.Privileged) return privilegedAccess(mappings)
  const found = mappings.map(devicesAt)
  return {
    devices: found.flatMap(access => access.devices),
    rules: [
      ...defaultDeviceRules,
      ...found.flatMap(access => access.rules),
      ...(request.DeviceCgroupRules ?? []).map(parseDeviceRule),
    ],
  }
}

function privilegedAccess(mappings: readonly DeviceMapping[]): DeviceAccess {
  const moved = mappings.filter(mapping => (mapping.PathInContainer || mapping.PathOnHost) !== mapping.PathOnHost)
  const devices = [...nodesUnder('/dev', '/dev'), ...moved.flatMap(mapping => devicesAt(mapping).devices)]
  return { devices, rules: [{ allow: true, access: 'rwm' }] }
}

/** The device, or all devices below the directory, that `mapping` names. */
function devicesAt(mapping: DeviceMapping): DeviceAccess {
  const host = mapping.PathOnHost ?? ''
  const inside = mapping.PathInContainer || host
  const access = mapping.CgroupPermissions || 'rwm'
  const fail = (why: string) =>
    invalid(`error gathering device information while adding custom device ${JSON.stringify(host)}: ${why}`)
  if (!/^[rwm]{1,3}$/.test(access)) throw fail(`invalid device mode: ${access}`)
  const path = resolve(host, fail)
  const stat = lstatSync(path)
  const device = deviceOf(inside, stat)
  const devices = device ? [device] : stat.isDirectory() ? nodesUnder(path, inside) : []
  if (devices.length === 0) throw fail('not a device node')
  return { devices, rules: devices.map(({ type, major, minor }) => ({ allow: true, type, major, minor, access })) }
}

function resolve(path: string, fail: (why: string) => Error): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const errno = error instanceof Error && 'errno' in error ? Math.abs(Number(error.errno)) : 2
    throw fail(describe(errno))
  }
}

function deviceOf(path: string, stat: Stats): Device | undefined {
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return undefined
  return {
    path,
    type: stat.isBlockDevice() ? 'b' : 'c',
    ...deviceNumber(stat.rdev),
    fileMode: stat.mode & 0o777,
    uid: stat.uid,
    gid: stat.gid,
  }
}

// The runtime provides these itself, or they belong to the host's terminals.
const notForContainers = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console'])

/** Every device node below `directory`; symbolic links aren't followed. */
function nodesUnder(directory: string, inside: string): Device[] {
  const entries = list(directory).filter(name => !notForContainers.has(name))
  return entries.flatMap(name => {
    const path = join(directory, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (!stat) return []
    if (stat.isDirectory()) return nodesUnder(path, join(inside, name))
    return deviceOf(join(inside, name), stat) ?? []
  })
}

// Devices come and go while they are listed.
function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

/** Parses `--device-cgroup-rule`: `c 1:3 rwm`, with `*` for any number. */
export function parseDeviceRule(rule: string): DeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(rule)
  if (!match) throw invalid(`invalid device cgroup rule format: '${rule}'`)
  const [, type, major = '', minor = '', access = ''] = match
  return { allow: true, type, ...numberOf('major', major, rule), ...numberOf('minor', minor, rule), access }
}

// Left out for any number: not every crun takes -1.
function numberOf(name: 'major' | 'minor', text: string, rule: string): Partial<DeviceRule> {
  if (text === '*') return {}
  const number = Number(text)
  if (number > 0xffffffff) throw invalid(`invalid device cgroup rule format: '${rule}'`)
  return { [name]: number }
}
