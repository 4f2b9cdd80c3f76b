// The OCI configuration of a container: what dockerd gives runc, from the request and what was resolved for it.

import { invalid } from '../lib/errors.ts'
import type { Capabilities, Linux, Mount, Namespace, NamespaceType, Process, RuntimeSpec } from '../oci/runtime-spec.ts'
import { defaultApparmorProfile } from './apparmor.ts'
import { chooseCapabilities } from './capabilities.ts'
import type { DeviceAccess } from './devices.ts'
import { environmentOf } from './environment.ts'
import { type HostFacts, defaultSysctls } from './host.ts'
import type { IdMap, IdRange } from '../lib/id-map.ts'
import { maskedPaths, readonlyPaths } from './masked.ts'
import { hasOwnNetwork } from './modes.ts'
import type { IsolationRequest, ProcessRequest, Ulimit } from './request.ts'
import { type BlockIo, resourcesOf, rlimitsOf } from './resources.ts'
import { defaultProfile } from './seccomp-profile.ts'
import { compileSeccomp, parseProfile } from './seccomp.ts'
import { type SecurityOptions, parseSecurityOptions } from './security.ts'
import { type ResolvedMount, type SharedMemory, mountsOf, rootPropagation } from './spec-mounts.ts'
import { checkSysctls } from './sysctl.ts'
import type { ResolvedUser } from './user.ts'

/** The version of the specification that documents declare. */
export const ociVersion = '1.0.2'

/** Where the init is mounted in a container that asked for one. */
export const initDestination = '/sbin/docker-init'

/** Everything the document depends on; nothing else is read. */
export interface SpecInput {
  /** Absolute path of the mounted root filesystem. */
  rootfsPath: string
  config: ProcessRequest
  hostConfig: IsolationRequest
  /** Entrypoint and command, merged. */
  args: readonly string[]
  user: ResolvedUser
  /** The container's cgroup, such as /gantry/ID. */
  cgroupsPath: string
  /** Paths of namespaces to join. A type left out is made new, unless its mode says host. */
  namespaces: { network?: string; pid?: string; ipc?: string }
  /** The path of the user namespace and its ids; undefined for the host's. */
  users: { namespace: string; map: IdMap } | undefined
  /** Volumes, binds, tmpfs and the engine's own hosts, hostname and resolv.conf, in any order. */
  mounts: readonly ResolvedMount[]
  shm: SharedMemory
  devices: DeviceAccess
  blockIo: BlockIo
  host: HostFacts
  /** What the daemon's configuration adds. */
  defaults: SpecDefaults
}

export interface SpecDefaults {
  ulimits: readonly Ulimit[]
  /** Path of the init's executable on the host. */
  initPath: string
  /** Whether containers get the init unless they say otherwise. */
  init: boolean
  noNewPrivileges: boolean
  /** The daemon's own `--seccomp-profile`: `unconfined`, `builtin` or JSON. */
  seccompProfile: string
  /** The AppArmor profile of containers that name none; the engine's own if empty. It must be loaded. */
  apparmorProfile: string
}

/**
 * The whole document. Throws an `invalid` error, worded as dockerd or runc would, for what can't be asked for, and if
 * the host lacks seccomp and the container wasn't asked to run without.
 */
export function buildSpec(input: SpecInput): RuntimeSpec {
  const { config, hostConfig, host, defaults } = input
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? [], defaults.noNewPrivileges)
  const capabilities = chooseCapabilities(hostConfig, host.capabilities)
  const withInit = usesInit(input)
  const initMount: Mount[] = withInit
    ? [{ destination: initDestination, type: 'bind', source: defaults.initPath, options: ['bind', 'ro'] }]
    : []
  const spec: RuntimeSpec = {
    ociVersion,
    process: {
      ...processOf(input, security, capabilities),
      args: withInit ? [initDestination, '--', ...input.args] : [...input.args],
    },
    root: { path: input.rootfsPath, ...(hostConfig.ReadonlyRootfs && { readonly: true }) },
    mounts: mountsOf({
      request: hostConfig,
      shm: input.shm,
      own: initMount,
      user: input.mounts,
      writableCgroups: security.writableCgroups ?? Boolean(hostConfig.Privileged),
    }),
    linux: linuxOf(input, security, capabilities),
  }
  if (hostConfig.UTSMode !== 'host' && config.Hostname) spec.hostname = config.Hostname
  const annotations = hostConfig.Annotations ?? {}
  if (Object.keys(annotations).length > 0) spec.annotations = { ...annotations }
  return spec
}

// Sharing a pid namespace means there is an init already.
function usesInit({ hostConfig, namespaces, defaults }: SpecInput): boolean {
  const ownPids = hostConfig.PidMode !== 'host' && namespaces.pid === undefined
  return ownPids && (hostConfig.Init ?? defaults.init)
}

function processOf(input: SpecInput, security: SecurityOptions, capabilities: string[]): Process {
  const { config, hostConfig, user } = input
  const [height = 0, width = 0] = hostConfig.ConsoleSize ?? []
  const rlimits = rlimitsOf(hostConfig.Ulimits ?? [], input.defaults.ulimits)
  return {
    ...(config.Tty && { terminal: true }),
    ...(config.Tty && (height > 0 || width > 0) && { consoleSize: { height, width } }),
    user: { uid: user.uid, gid: user.gid, additionalGids: [...user.additionalGids] },
    args: [...input.args],
    env: environmentOf(config, user.home),
    cwd: config.WorkingDir || '/',
    capabilities: capabilitySets(capabilities, user.uid),
    ...(rlimits.length > 0 && { rlimits }),
    ...(security.noNewPrivileges && { noNewPrivileges: true }),
    ...apparmorOf(input, security),
    oomScoreAdj: hostConfig.OomScoreAdj ?? 0,
  }
}

/**
 * The sets a process starts with. Inheritable and ambient stay empty (CVE-2022-24769); a user that isn't root has none in
 * effect either, so that what the runtime does for it before the program runs needs its own permissions.
 */
export const capabilitySets = (capabilities: readonly string[], uid: number): Capabilities => ({
  bounding: [...capabilities],
  effective: uid === 0 ? [...capabilities] : [],
  permitted: uid === 0 ? [...capabilities] : [],
})

function apparmorOf({ host, hostConfig, defaults }: SpecInput, security: SecurityOptions) {
  if (!host.apparmor) {
    if (security.apparmor && security.apparmor !== 'unconfined') {
      throw invalid(`AppArmor is not enabled on this host, cannot use the profile ${JSON.stringify(security.apparmor)}`)
    }
    return {}
  }
  const fallback = hostConfig.Privileged ? 'unconfined' : defaults.apparmorProfile || defaultApparmorProfile
  return { apparmorProfile: security.apparmor || fallback }
}

function linuxOf(input: SpecInput, security: SecurityOptions, capabilities: readonly string[]): Linux {
  const { hostConfig, devices } = input
  const sysctl = sysctlsOf(input)
  const seccomp = seccompOf(input, security, capabilities)
  const propagation = rootPropagation(input.mounts)
  return {
    ...(Object.keys(sysctl).length > 0 && { sysctl }),
    resources: { devices: devices.rules, ...resourcesOf(hostConfig, input.blockIo) },
    cgroupsPath: input.cgroupsPath,
    namespaces: namespacesOf(input),
    ...(input.users && mappingsOf(input.users.map)),
    ...(devices.devices.length > 0 && { devices: devices.devices }),
    ...(seccomp && { seccomp }),
    ...(propagation && { rootfsPropagation: propagation }),
    ...pathsOf(input, security),
  }
}

// Security features without which a container may not run, unless it was asked to: promise 5 of the project.
function seccompOf(input: SpecInput, security: SecurityOptions, capabilities: readonly string[]) {
  const { host, hostConfig, defaults } = input
  const wanted = security.seccomp || (hostConfig.Privileged ? 'unconfined' : defaults.seccompProfile || 'builtin')
  if (wanted === 'unconfined') return undefined
  if (!host.seccomp) {
    throw invalid(
      'seccomp is not enabled in your kernel, so the container would run unconfined; to allow that, use --security-opt seccomp=unconfined',
    )
  }
  const profile = wanted === 'builtin' ? defaultProfile : parseProfile(wanted)
  return compileSeccomp(profile, { capabilities, architecture: host.architecture, kernelRelease: host.kernelRelease })
}

function pathsOf({ hostConfig, host }: SpecInput, security: SecurityOptions) {
  const none = Boolean(hostConfig.Privileged) || security.unconfinedPaths
  const masked = hostConfig.MaskedPaths ?? (none ? [] : maskedPaths(host.throttledCpus))
  const readonly = hostConfig.ReadonlyPaths ?? (none ? [] : readonlyPaths)
  return {
    ...(masked.length > 0 && { maskedPaths: [...masked] }),
    ...(readonly.length > 0 && { readonlyPaths: [...readonly] }),
  }
}

function sysctlsOf({ config, hostConfig, host, users }: SpecInput): Record<string, string> {
  const asked = hostConfig.Sysctls ?? {}
  const ownNetwork = hasOwnNetwork(hostConfig)
  checkSysctls(asked, {
    ipc: hostConfig.IpcMode !== 'host',
    network: ownNetwork,
    uts: hostConfig.UTSMode !== 'host',
  })
  const known = { ...defaultSysctls, ...(users && { 'net.ipv4.ping_group_range': `0 ${lastGroup(users.map)}` }) }
  const defaults = Object.entries(known).filter(([name]) => ownNetwork && host.sysctls.has(name))
  const domain: Record<string, string> = config.Domainname ? { 'kernel.domainname': config.Domainname } : {}
  return { ...Object.fromEntries(defaults), ...domain, ...asked }
}

// The kernel takes only groups that there are.
const lastGroup = ({ gids }: IdMap) => (gids[0]?.size ?? 1) - 1

const mappingsOf = ({ uids, gids }: IdMap) => ({ uidMappings: uids.map(toOci), gidMappings: gids.map(toOci) })

const toOci = ({ container, host, size }: IdRange) => ({ containerID: container, hostID: host, size })

function namespacesOf({ config, hostConfig, namespaces, users }: SpecInput): Namespace[] {
  const list: Namespace[] = [{ type: 'mount' }]
  const add = (type: NamespaceType, mode: string | null | undefined, path?: string) => {
    if (path !== undefined) list.push({ type, path })
    else if (mode !== 'host') list.push({ type })
  }
  if (config.NetworkDisabled) list.push({ type: 'network' })
  else add('network', hostConfig.NetworkMode, namespaces.network)
  add('uts', hostConfig.UTSMode)
  add('pid', hostConfig.PidMode, namespaces.pid)
  add('ipc', hostConfig.IpcMode, namespaces.ipc)
  if (users) list.push({ type: 'user', path: users.namespace })
  if (hostConfig.CgroupnsMode === 'private') list.push({ type: 'cgroup' })
  return list
}
