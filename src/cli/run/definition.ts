// Turns the flags of `run` and `create` into what the engine is asked to create.

import type { ContainerConfig, Healthcheck, HostConfig } from '../../api/types/container.ts'
import type { ContainerDefinition } from '../../client/containers.ts'
import { invalid, messageOf } from '../../lib/errors.ts'
import type { FlagValues } from '../flags.ts'
import { parsePairs, readClientFile, readPairFiles, resolveVariables, splitPair } from '../values.ts'
import { isCdiDevice, parseDevice, parseUlimit } from './checks.ts'
import { parseGpus } from './gpus.ts'
import { parseMount, parseTmpfs, parseVolumes } from './mounts.ts'
import { parseExposed, parsePublished } from './ports.ts'
import { parseThrottle, parseWeight } from './throttles.ts'

type Env = Readonly<Record<string, string | undefined>>

/** The request for `image` run with `args`. Throws invalid if flags contradict each other or can't be read. */
export function buildDefinition(flags: FlagValues, image: string, args: readonly string[], env: Env) {
  const restart = parseRestart(flags.text('restart') ?? 'no')
  checkConflicts(flags)
  const volumes = parseVolumes(flags.list('volume'))
  const published = parsePublished(flags.list('publish'))
  const exposed = [...Object.keys(published), ...parseExposed(flags.list('expose'))]
  const definition: ContainerDefinition = {
    ...processOf(flags, image, args, env),
    ...streamsOf(flags),
    Volumes: emptyObjects(Object.keys(volumes.anonymous)),
    ExposedPorts: emptyObjects(exposed),
    HostConfig: {
      ...resourcesOf(flags),
      ...isolationOf(flags),
      ...lifeOf(flags),
      RestartPolicy: restart,
      Binds: orNull(volumes.binds),
      Mounts: flags.list('mount').map(parseMount),
      Tmpfs: parseTmpfs(flags.list('tmpfs')),
      VolumesFrom: orNull(flags.list('volumes-from')),
      VolumeDriver: flags.text('volume-driver'),
      PortBindings: published,
      PublishAllPorts: flags.bool('publish-all'),
      NetworkMode: networkOf(flags),
      Dns: flags.list('dns'),
      DnsOptions: flags.list('dns-option'),
      DnsSearch: flags.list('dns-search'),
      ExtraHosts: orNull(flags.list('add-host').map(text => text.replace(/^([^:=]+)=/, '$1:'))),
    },
    NetworkingConfig: { EndpointsConfig: { [networkOf(flags)]: endpointOf(flags) } },
  }
  return definition
}

// What docker leaves out is null for whoever inspects it.
const orNull = <T>(list: T[]) => (list.length > 0 ? list : null)

const emptyObjects = (names: readonly string[]) => Object.fromEntries(names.map(name => [name, {}]))

function checkConflicts(flags: FlagValues) {
  if (flags.bool('rm') && !/^(no)?$/.test(flags.text('restart') ?? '')) {
    throw invalid('conflicting options: cannot specify both --restart and --rm')
  }
  if (flags.bool('no-healthcheck') && (flags.has('health-cmd') || flags.has('health-probe'))) {
    throw invalid('--no-healthcheck conflicts with --health-* options')
  }
  if (flags.has('health-cmd') && flags.has('health-probe')) {
    throw invalid('conflicting options: cannot specify both --health-cmd and --health-probe')
  }
  if ((flags.number('health-retries') ?? 0) < 0) throw invalid('--health-retries cannot be negative')
  checkModes(flags)
}

// docker's own check of these; the engine's covers the rest.
const modes: Readonly<Record<string, { known: RegExp; kind: string }>> = {
  pid: { known: /^(host|container:.*)?$/, kind: 'PID' },
  uts: { known: /^(host)?$/, kind: 'UTS' },
  userns: { known: /^(host|private)?$/, kind: 'USER' },
  cgroupns: { known: /^(host|private)?$/, kind: 'CGROUP' },
}

function checkModes(flags: FlagValues) {
  for (const [name, { known, kind }] of Object.entries(modes)) {
    if (!known.test(flags.text(name) ?? '')) throw invalid(`--${name}: invalid ${kind} mode`)
  }
  const swappiness = flags.number('memory-swappiness') ?? -1
  if (swappiness < -1 || swappiness > 100) {
    throw invalid(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`)
  }
}

const networkOf = (flags: FlagValues) => flags.text('network') ?? flags.text('net') ?? 'default'

function endpointOf(flags: FlagValues) {
  const IPv4Address = flags.text('ip')
  const IPv6Address = flags.text('ip6')
  return {
    IPAMConfig: IPv4Address || IPv6Address ? { IPv4Address, IPv6Address } : null,
    Aliases: orNull(flags.list('network-alias')),
    MacAddress: flags.text('mac-address'),
  }
}

function processOf(flags: FlagValues, image: string, args: readonly string[], env: Env): Partial<ContainerConfig> {
  const entrypoint = flags.text('entrypoint')
  return {
    Image: image,
    Cmd: args.length > 0 ? [...args] : null,
    // An empty one takes the image's away.
    Entrypoint: entrypoint === undefined ? null : [entrypoint],
    Env: resolveVariables([...readPairFiles(flags.list('env-file')), ...flags.list('env')], env),
    Labels: {
      ...parsePairs([...readPairFiles(flags.list('label-file')), ...flags.list('label')]),
      ...healthLabels(flags),
    },
    Hostname: flags.text('hostname') ?? '',
    Domainname: flags.text('domainname') ?? '',
    User: flags.text('user') ?? '',
    WorkingDir: flags.text('workdir') ?? '',
    StopSignal: flags.text('stop-signal'),
    StopTimeout: flags.number('stop-timeout'),
    Healthcheck: healthcheckOf(flags),
  }
}

function streamsOf(flags: FlagValues): Partial<ContainerConfig> {
  const named = flags.list('attach').map(name => name.toLowerCase())
  const attached = !flags.bool('detach')
  const interactive = flags.bool('interactive')
  const outputs = attached && named.length === 0
  return {
    Tty: flags.bool('tty'),
    OpenStdin: interactive,
    AttachStdin: attached && (named.includes('stdin') || (named.length === 0 && interactive)),
    AttachStdout: outputs || named.includes('stdout'),
    AttachStderr: outputs || named.includes('stderr'),
    StdinOnce: interactive && attached,
  }
}

// dockerd's API has no fields for them: labels do for any client.
function healthLabels(flags: FlagValues): Record<string, string> {
  const probe = flags.text('health-probe')
  const action = flags.text('health-on-failure')
  return {
    ...(probe !== undefined && { 'gantry.healthcheck': probe }),
    ...(action !== undefined && { 'gantry.health-on-failure': action }),
  }
}

function healthcheckOf(flags: FlagValues): Healthcheck | undefined {
  if (flags.bool('no-healthcheck')) return { Test: ['NONE'] }
  const command = flags.text('health-cmd')
  const check: Healthcheck = {
    Test: command === undefined ? undefined : ['CMD-SHELL', command],
    Interval: flags.number('health-interval'),
    Timeout: flags.number('health-timeout'),
    StartPeriod: flags.number('health-start-period'),
    StartInterval: flags.number('health-start-interval'),
    Retries: flags.number('health-retries'),
  }
  return Object.values(check).some(value => value !== undefined) ? check : undefined
}

/** The limits that can also be changed later. */
export function limitsOf(flags: FlagValues): Partial<HostConfig> {
  const cpus = flags.number('cpus')
  return {
    Memory: flags.number('memory'),
    MemoryReservation: flags.number('memory-reservation'),
    MemorySwap: flags.number('memory-swap'),
    NanoCpus: cpus === undefined ? undefined : Math.round(cpus * 1e9),
    CpuShares: flags.number('cpu-shares'),
    CpuPeriod: flags.number('cpu-period'),
    CpuQuota: flags.number('cpu-quota'),
    CpusetCpus: flags.text('cpuset-cpus'),
    CpusetMems: flags.text('cpuset-mems'),
    CpuRealtimePeriod: flags.number('cpu-rt-period'),
    CpuRealtimeRuntime: flags.number('cpu-rt-runtime'),
    BlkioWeight: flags.number('blkio-weight'),
    PidsLimit: flags.number('pids-limit'),
  }
}

function resourcesOf(flags: FlagValues): Partial<HostConfig> {
  return {
    ...limitsOf(flags),
    MemorySwappiness: flags.number('memory-swappiness') ?? null,
    BlkioWeightDevice: flags.list('blkio-weight-device').map(parseWeight),
    BlkioDeviceReadBps: flags.list('device-read-bps').map(parseThrottle),
    BlkioDeviceReadIOps: flags.list('device-read-iops').map(parseThrottle),
    BlkioDeviceWriteBps: flags.list('device-write-bps').map(parseThrottle),
    BlkioDeviceWriteIOps: flags.list('device-write-iops').map(parseThrottle),

    OomKillDisable: flags.bool('oom-kill-disable'),
    OomScoreAdj: flags.number('oom-score-adj'),
    ShmSize: flags.number('shm-size'),
    Ulimits: flags.list('ulimit').map(parseUlimit),
    Devices: flags
      .list('device')
      .filter(text => !isCdiDevice(text))
      .map(parseDevice),
    DeviceRequests: deviceRequests(flags),
    DeviceCgroupRules: orNull(flags.list('device-cgroup-rule')),
    CgroupParent: flags.text('cgroup-parent'),
  }
}

function deviceRequests(flags: FlagValues): HostConfig['DeviceRequests'] {
  const gpus = flags.text('gpus')
  const names = flags.list('device').filter(isCdiDevice)
  const byName = { Driver: 'cdi', Count: 0, DeviceIDs: names, Capabilities: null, Options: null }
  const requests = [...(gpus === undefined ? [] : [parseGpus(gpus)]), ...(names.length > 0 ? [byName] : [])]
  return requests.length > 0 ? requests : null
}

function isolationOf(flags: FlagValues): Partial<HostConfig> {
  return {
    Privileged: flags.bool('privileged'),
    ReadonlyRootfs: flags.bool('read-only'),
    CapAdd: orNull(flags.list('cap-add')),
    CapDrop: orNull(flags.list('cap-drop')),
    ...securityOf(flags.list('security-opt')),
    GroupAdd: orNull(flags.list('group-add')),
    CgroupnsMode: flags.text('cgroupns'),
    IpcMode: flags.text('ipc'),
    PidMode: flags.text('pid'),
    UTSMode: flags.text('uts'),
    UsernsMode: flags.text('userns'),
    Sysctls: parsePairs(flags.list('sysctl')),
    StorageOpt: parsePairs(flags.list('storage-opt')),
    Annotations: flags.has('annotation') ? parsePairs(flags.list('annotation')) : undefined,
    Runtime: flags.text('runtime'),
  }
}

function lifeOf(flags: FlagValues): Partial<HostConfig> {
  return {
    AutoRemove: flags.bool('rm'),
    Init: flags.has('init') ? flags.bool('init') : undefined,
    ContainerIDFile: flags.text('cidfile') ?? '',
    LogConfig: { Type: flags.text('log-driver') ?? '', Config: parsePairs(flags.list('log-opt')) },
  }
}

/** Reads `NAME` or `NAME:COUNT`. Throws invalid if the count is none. */
export function parseRestart(text: string) {
  const [name = '', count, ...more] = text.split(':')
  if (more.length > 0 || (count !== undefined && !/^\d+$/.test(count))) {
    throw invalid('invalid restart policy format: maximum retry count must be an integer')
  }
  return { Name: name, MaximumRetryCount: Number(count ?? 0) }
}

// Seeing all of /proc and /sys is not an option of the engine's but empty lists of what is hidden.
function securityOf(texts: readonly string[]): Partial<HostConfig> {
  const open = texts.includes('systempaths=unconfined')
  const options = texts.filter(text => text !== 'systempaths=unconfined').map(securityOption)
  return { SecurityOpt: orNull(options), ...(open && { MaskedPaths: [], ReadonlyPaths: [] }) }
}

// A seccomp profile is a file of the client's.
function securityOption(text: string): string {
  if (text === 'no-new-privileges') return text
  const [name, value] = splitPair(text.includes('=') ? text : text.replace(':', '='))
  if (value === '') throw invalid(`Invalid --security-opt: ${JSON.stringify(text)}`)
  if (name !== 'seccomp' || value === 'unconfined' || value === 'builtin') return text
  const profile = readProfile(value)
  try {
    return `seccomp=${JSON.stringify(JSON.parse(profile))}`
  } catch (cause) {
    throw invalid(`compacting json for seccomp profile (${value}) failed: ${messageOf(cause)}`, { cause })
  }
}

function readProfile(path: string): string {
  try {
    return readClientFile(path)
  } catch (cause) {
    throw invalid(`opening seccomp profile (${path}) failed: ${messageOf(cause)}`, { cause })
  }
}
