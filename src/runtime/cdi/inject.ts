// Applies the edits of CDI devices to a container's specification.

import { lstatSync } from 'node:fs'
import { describe } from '../../kernel/ffi.ts'
import { invalid } from '../../lib/errors.ts'
import type { Device, DeviceRule, Hooks, Mount, RuntimeSpec } from '../../oci/runtime-spec.ts'
import { deviceNumber } from '../device-number.ts'
import { byDepth } from '../spec-mounts.ts'
import type { ContainerEdits, DeviceNode } from './document.ts'

/** The specification with `edits` applied in order. Throws invalid if a node is missing on the host. */
export function injectEdits(spec: RuntimeSpec, edits: readonly ContainerEdits[]): RuntimeSpec {
  return edits.reduce(injectOne, spec)
}

function injectOne(spec: RuntimeSpec, edits: ContainerEdits): RuntimeSpec {
  const { process, linux } = spec
  const nodes = edits.deviceNodes.map(node => ({ device: deviceOf(node, process.user), access: node.permissions }))
  const gids = [...(process.user.additionalGids ?? []), ...edits.additionalGids.filter(gid => gid !== 0)]
  const devices = mergeByPath(
    linux.devices ?? [],
    nodes.map(({ device }) => device),
  )
  const hooks = addHooks(spec.hooks ?? {}, edits)
  return {
    ...spec,
    process: {
      ...process,
      env: mergeVariables(process.env, edits.env),
      user: { ...process.user, additionalGids: [...new Set(gids)] },
    },
    mounts: addMounts(spec.mounts, edits),
    ...(Object.keys(hooks).length > 0 && { hooks }),
    linux: {
      ...linux,
      resources: { ...linux.resources, devices: [...(linux.resources.devices ?? []), ...nodes.flatMap(ruleOf)] },
      ...(devices.length > 0 && { devices }),
    },
  }
}

const nameOf = (variable: string) => variable.split('=', 1)[0]

function mergeVariables(before: readonly string[], added: readonly string[]): string[] {
  const replaced = new Set(added.map(nameOf))
  return [...before.filter(variable => !replaced.has(nameOf(variable))), ...added]
}

function mergeByPath(before: readonly Device[], added: readonly Device[]): Device[] {
  const replaced = new Set(added.map(({ path }) => path))
  return [...before.filter(({ path }) => !replaced.has(path)), ...added]
}

/** The node as the runtime makes it; what the device's file leaves open is as on the host, or for the container's user. */
function deviceOf(node: DeviceNode, user: { uid: number; gid: number }): Device {
  const { path, fileMode, uid = user.uid, gid = user.gid } = node
  return {
    path,
    ...(node.type !== undefined && node.major !== undefined && node.minor !== undefined
      ? { type: node.type, major: node.major, minor: node.minor }
      : hostNode(node)),
    ...(fileMode !== undefined && { fileMode: fileMode & 0o777 }),
    uid,
    gid,
  }
}

function hostNode({ hostPath, type }: DeviceNode): Pick<Device, 'type' | 'major' | 'minor'> {
  const stat = lstat(hostPath)
  const actual = stat.isBlockDevice() ? 'b' : stat.isCharacterDevice() ? 'c' : stat.isFIFO() ? 'p' : undefined
  if (actual === undefined) throw invalid(`CDI device injection failed: ${hostPath} is not a device node`)
  if (type !== undefined && type !== actual && !(type === 'u' && actual === 'c')) {
    throw invalid(`CDI device injection failed: ${hostPath} is of type ${actual}, not ${type}`)
  }
  return { type: actual, ...deviceNumber(stat.rdev) }
}

function lstat(path: string) {
  try {
    return lstatSync(path)
  } catch (cause) {
    const errno = cause instanceof Error && 'errno' in cause ? Math.abs(Number(cause.errno)) : 2
    throw invalid(`CDI device injection failed: failed to stat ${JSON.stringify(path)}: ${describe(errno)}`, { cause })
  }
}

function ruleOf({ device: { type, major, minor }, access }: { device: Device; access: string }): DeviceRule[] {
  return type === 'p' ? [] : [{ allow: true, type: type === 'u' ? 'c' : type, major, minor, access }]
}

// In place of what was to be mounted there, after what contains it.
function addMounts(before: readonly Mount[], { mounts }: ContainerEdits): Mount[] {
  if (mounts.length === 0) return [...before]
  const replaced = new Set(mounts.map(({ containerPath }) => containerPath))
  const added = mounts.map(({ hostPath: source, containerPath: destination, type, options }) => ({
    destination,
    type,
    source,
    options: [...options],
  }))
  return [...before.filter(({ destination }) => !replaced.has(destination)), ...byDepth(added)]
}

function addHooks(before: Hooks, { hooks }: ContainerEdits): Hooks {
  const all = { ...before }
  for (const { hookName, path, args, env, timeout } of hooks) {
    const hook = {
      path,
      ...(args && { args: [...args] }),
      ...(env && { env: [...env] }),
      ...(timeout !== undefined && { timeout }),
    }
    all[hookName] = [...(all[hookName] ?? []), hook]
  }
  return all
}
