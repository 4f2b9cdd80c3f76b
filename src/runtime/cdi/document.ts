// Specifications of the Container Device Interface as files hold them: read, and refused if anything in them can't be done.

import { isAbsolute } from 'node:path'
import { invalid } from '../../lib/errors.ts'

/** What a device changes in the container that gets it. CDI specification, containerEdits. */
export interface ContainerEdits {
  /** `NAME=value`. */
  readonly env: readonly string[]
  readonly deviceNodes: readonly DeviceNode[]
  readonly mounts: readonly DeviceMount[]
  readonly hooks: readonly DeviceHook[]
  readonly additionalGids: readonly number[]
}

/** A node in the container; what is missing is that of the host's node at `hostPath`. */
export interface DeviceNode {
  readonly path: string
  readonly hostPath: string
  readonly type?: 'b' | 'c' | 'u' | 'p'
  readonly major?: number
  readonly minor?: number
  readonly fileMode?: number
  readonly uid?: number
  readonly gid?: number
  /** Of r, w and m. */
  readonly permissions: string
}

export interface DeviceMount {
  readonly hostPath: string
  readonly containerPath: string
  readonly type: string
  readonly options: readonly string[]
}

/** A program of the host that the runtime runs; `timeout` in seconds. OCI runtime specification, POSIX-platform hooks. */
export interface DeviceHook {
  readonly hookName: (typeof hookNames)[number]
  readonly path: string
  readonly args?: readonly string[]
  readonly env?: readonly string[]
  readonly timeout?: number
}

const hookNames = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const

/** One file: a kind of device, what all of them need and what each does. */
export interface CdiDocument {
  /** `vendor/class`. */
  readonly kind: string
  readonly edits: ContainerEdits
  readonly devices: ReadonlyMap<string, ContainerEdits>
}

/** True for `vendor.com/class=name`, the full name of a device. */
export function isQualifiedName(text: string): boolean {
  const at = text.indexOf('=')
  return at > 0 && isKind(text.slice(0, at)) && isDeviceName(text.slice(at + 1))
}

const isKind = (text: string) => /^[A-Za-z](?:[\w.-]*[A-Za-z0-9])?\/[A-Za-z](?:[\w.-]*[A-Za-z0-9])?$/.test(text)
const isDeviceName = (text: string) => /^[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?$/.test(text)

/** Checks a parsed file. Throws invalid for one that is no specification, or asks for what the engine doesn't know. */
export function readDocument(value: unknown): CdiDocument {
  const document = fields(value, 'the specification', [
    'cdiVersion',
    'kind',
    'annotations',
    'devices',
    'containerEdits',
  ])
  const version = textOf(document.cdiVersion, 'cdiVersion')
  if (!/^v?[01]\.\d+\.\d+$/.test(version)) throw invalid(`cdiVersion ${JSON.stringify(version)} is not known`)
  const kind = textOf(document.kind, 'kind')
  if (!isKind(kind)) throw invalid(`kind ${JSON.stringify(kind)} is not of the form vendor/class`)
  const devices = new Map<string, ContainerEdits>()
  for (const item of listOf(document.devices, 'devices')) {
    const device = fields(item, 'a device', ['name', 'annotations', 'containerEdits'])
    const name = textOf(device.name, 'name')
    if (!isDeviceName(name)) throw invalid(`${JSON.stringify(name)} can't be the name of a device`)
    if (devices.has(name)) throw invalid(`the device ${JSON.stringify(name)} is there twice`)
    devices.set(name, editsOf(device.containerEdits))
  }
  if (devices.size === 0) throw invalid('there are no devices in it')
  return { kind, edits: editsOf(document.containerEdits), devices }
}

function editsOf(value: unknown): ContainerEdits {
  const known = ['env', 'deviceNodes', 'mounts', 'hooks', 'additionalGids']
  const edits = fields(value ?? {}, 'containerEdits', known)
  return {
    env: listOf(edits.env, 'env').map(variableOf),
    deviceNodes: listOf(edits.deviceNodes, 'deviceNodes').map(nodeOf),
    mounts: listOf(edits.mounts, 'mounts').map(mountOf),
    hooks: listOf(edits.hooks, 'hooks').map(hookOf),
    additionalGids: listOf(edits.additionalGids, 'additionalGids').map(gid => numberOf(gid, 'additionalGids')),
  }
}

function variableOf(value: unknown): string {
  const text = textOf(value, 'env')
  if (text.indexOf('=') < 1) throw invalid(`env ${JSON.stringify(text)} is not of the form NAME=value`)
  return text
}

function nodeOf(value: unknown): DeviceNode {
  const names = ['path', 'hostPath', 'type', 'major', 'minor', 'fileMode', 'permissions', 'uid', 'gid']
  const node = fields(value, 'a device node', names)
  const path = pathOf(node.path, 'path of a device node')
  const permissions = node.permissions === undefined ? 'rwm' : textOf(node.permissions, 'permissions')
  if (!/^[rwm]{1,3}$/.test(permissions))
    throw invalid(`permissions ${JSON.stringify(permissions)} of ${path} are not of r, w, m`)
  const type = node.type === undefined ? undefined : textOf(node.type, 'type')
  if (type !== undefined && !isNodeType(type))
    throw invalid(`type ${JSON.stringify(type)} of ${path} is not one of b, c, u, p`)
  const numbers = ['major', 'minor', 'fileMode', 'uid', 'gid'].filter(name => node[name] !== undefined)
  return {
    path,
    hostPath: node.hostPath === undefined ? path : pathOf(node.hostPath, 'hostPath'),
    ...(type !== undefined && { type }),
    ...Object.fromEntries(numbers.map(name => [name, numberOf(node[name], name)])),
    permissions,
  }
}

const isNodeType = (text: string): text is 'b' | 'c' | 'u' | 'p' => /^[bcup]$/.test(text)

function mountOf(value: unknown): DeviceMount {
  const mount = fields(value, 'a mount', ['hostPath', 'containerPath', 'type', 'options'])
  return {
    hostPath: textOf(mount.hostPath, 'hostPath of a mount'),
    containerPath: pathOf(mount.containerPath, 'containerPath'),
    type: mount.type === undefined ? 'bind' : textOf(mount.type, 'type of a mount'),
    options: listOf(mount.options, 'options').map(option => textOf(option, 'options')),
  }
}

function hookOf(value: unknown): DeviceHook {
  const hook = fields(value, 'a hook', ['hookName', 'path', 'args', 'env', 'timeout'])
  const hookName = hookNames.find(name => name === hook.hookName)
  if (hookName === undefined) throw invalid(`${JSON.stringify(hook.hookName)} is not the name of a hook`)
  return {
    hookName,
    path: pathOf(hook.path, 'path of a hook'),
    ...(hook.args !== undefined && { args: listOf(hook.args, 'args').map(text => textOf(text, 'args')) }),
    ...(hook.env !== undefined && { env: listOf(hook.env, 'env').map(variableOf) }),
    ...(hook.timeout !== undefined && { timeout: numberOf(hook.timeout, 'timeout') }),
  }
}

// What isn't known would be left out silently otherwise.
function fields(value: unknown, what: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${what} is not an object`)
  const other = Object.keys(value).find(name => !known.includes(name))
  if (other !== undefined) throw invalid(`${JSON.stringify(other)} in ${what} is not known`)
  return value as Record<string, unknown>
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(`${what} is not a list`)
  return value
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw invalid(`${what} is not a text`)
  return value
}

function pathOf(value: unknown, what: string): string {
  const path = textOf(value, what)
  if (!isAbsolute(path)) throw invalid(`${what} is not absolute: ${JSON.stringify(path)}`)
  return path
}

function numberOf(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw invalid(`${what} is not a number from 0 to 4294967295`)
  }
  return value
}
