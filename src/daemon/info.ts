// GET /version and GET /info: the engine and its host.

import { existsSync, readFileSync, readdirSync, statfsSync } from 'node:fs'
import { arch, cpus, hostname, machine, release, totalmem } from 'node:os'
import type { SystemInfo, SystemVersion } from '../api/types/system.ts'
import { type ApiVersion, newestApiVersion, oldestApiVersion } from '../api/version.ts'
import type { Engine } from '../container/engine.ts'
import { formatTime } from '../lib/clock.ts'
import { driverNames } from '../logging/drivers.ts'
import { listDevices } from '../runtime/cdi/devices.ts'
import { gantryVersion } from '../lib/version.ts'
import type { Config } from './config.ts'

// Go's words, which the Engine API has.
const architecture = arch() === 'x64' ? 'amd64' : arch()

/** What of the daemon's configuration `info` shows, as it is when asked. */
export interface InfoSource {
  readonly engineId: string
  readonly config: Pick<
    Config,
    'debug' | 'labels' | 'httpProxy' | 'httpsProxy' | 'noProxy' | 'insecureRegistries' | 'registryMirrors'
  >
}

/** The engine's version, with Node.js and the default runtime as its components. */
export function systemVersion(engine: Pick<Engine, 'runtimes' | 'settings'>): SystemVersion {
  const details = {
    ApiVersion: newestApiVersion,
    MinAPIVersion: oldestApiVersion,
    GitCommit: '',
    GoVersion: '',
    Os: 'linux',
    Arch: architecture,
    KernelVersion: release(),
    BuildTime: '',
  }
  const runtime = engine.runtimes.get('')
  return {
    Platform: { Name: 'Gantry' },
    Components: [
      {
        Name: 'Engine',
        Version: gantryVersion(),
        Details: { ...details, Experimental: String(engine.settings.experimental) },
      },
      { Name: 'node', Version: process.versions.node },
      { Name: runtime.name, Version: runtime.version },
    ],
    Version: gantryVersion(),
    ...details,
    ...(engine.settings.experimental && { Experimental: true }),
  }
}

// By their magic numbers, statfs(2), in dockerd's words.
const fileSystems = new Map([
  [0xef53, 'extfs'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0xf2f52010, 'f2fs'],
])

const backingFileSystem = (path: string) => fileSystems.get(statfsSync(path).type) ?? '<unknown>'

/** Everything that `docker info` shows of the server. */
export async function systemInfo(
  engine: Engine,
  { engineId, config }: InfoSource,
  version: ApiVersion,
): Promise<SystemInfo> {
  const { cgroups, containers, runtimes } = engine
  const os = readOsRelease()
  const discovered = await listDevices(engine.settings.cdiSpecDirs)
  const warnings = [...runtimes.get('').warnings, ...discovered.warnings]
  return {
    ID: engineId,
    ...countContainers(containers.all().map(container => container.state.phase)),
    Images: engine.images.rows.all().length,
    Driver: 'overlay2',
    DriverStatus: [
      ['Backing Filesystem', backingFileSystem(engine.settings.dataRoot)],
      ['Supports d_type', 'true'],
      ['Native Overlay Diff', 'true'],
    ],
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: [...driverNames],
    },
    ...limitsOf(engine),
    IPv4Forwarding: readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() === '1',
    Debug: config.debug,
    NFd: readdirSync('/proc/self/fd').length,
    NGoroutines: 1,
    SystemTime: formatTime(engine.clock.now()),
    LoggingDriver: engine.settings.logDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: cgroups.isUnified ? '2' : '1',
    NEventsListener: engine.events.listeners,
    KernelVersion: release(),
    OperatingSystem: os.PRETTY_NAME ?? 'Linux',
    OSVersion: os.VERSION_ID ?? '',
    OSType: 'linux',
    Architecture: machine(),
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registryConfig(config),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    GenericResources: null,
    DockerRootDir: engine.settings.dataRoot,
    HttpProxy: withoutPassword(config.httpProxy),
    HttpsProxy: withoutPassword(config.httpsProxy),
    NoProxy: config.noProxy,
    Name: hostname(),
    Labels: [...config.labels],
    ExperimentalBuild: engine.settings.experimental,
    ServerVersion: gantryVersion(),
    Runtimes: Object.fromEntries(runtimes.all.filter(({ works }) => works).map(({ name, path }) => [name, { path }])),
    DefaultRuntime: runtimes.defaultName,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: 'gantry-init',
    ContainerdCommit: { ID: '' },
    RuncCommit: { ID: '' },
    InitCommit: { ID: '' },
    SecurityOptions: securityOptions(engine),
    CDISpecDirs: [...engine.settings.cdiSpecDirs],
    ...(version.atLeast('1.50') &&
      discovered.names.length > 0 && { DiscoveredDevices: discovered.names.map(ID => ({ Source: 'cdi', ID })) }),
    Warnings: warnings.length > 0 ? [...warnings] : null,
  }
}

const loopback = ['::1/128', '127.0.0.0/8']

const registryIndex = (Name: string, Mirrors: string[], Secure: boolean, Official: boolean) => ({
  Name,
  Mirrors,
  Secure,
  Official,
})

function registryConfig({ insecureRegistries, registryMirrors }: InfoSource['config']) {
  const networks = insecureRegistries.filter(name => name.includes('/'))
  const names = insecureRegistries.filter(name => !name.includes('/'))
  const mirrors = registryMirrors.map(url => `${url.replace(/\/+$/, '')}/`)
  return {
    InsecureRegistryCIDRs: [...loopback, ...networks],
    IndexConfigs: {
      'docker.io': registryIndex('docker.io', mirrors, true, true),
      ...Object.fromEntries(names.map(name => [name, registryIndex(name, [], false, false)])),
    },
    Mirrors: mirrors.length > 0 ? mirrors : null,
  }
}

// As dockerd hides what a proxy's URL may contain.
const withoutPassword = (url: string) => url.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1xxxxx:xxxxx@')

function countContainers(phases: readonly string[]) {
  const count = (...wanted: string[]) => phases.filter(phase => wanted.includes(phase)).length
  return {
    Containers: phases.length,
    ContainersRunning: count('running'),
    ContainersPaused: count('paused'),
    ContainersStopped: count('created', 'exited', 'dead', 'removing'),
  }
}

function limitsOf({ cgroups }: Engine) {
  const support = cgroups.limitSupport()
  return {
    MemoryLimit: support.memory,
    SwapLimit: support.swap,
    CpuCfsPeriod: support.cpuQuota,
    CpuCfsQuota: support.cpuQuota,
    CPUShares: support.cpuShares,
    CPUSet: support.cpuset,
    PidsLimit: support.pids,
    OomKillDisable: support.oomKillDisable,
  }
}

function securityOptions({ host, cgroups, settings }: Engine): string[] {
  const profile = settings.seccompProfile || 'builtin'
  return [
    ...(host.apparmor ? ['name=apparmor'] : []),
    ...(host.seccomp ? [`name=seccomp,profile=${profile.startsWith('{') ? 'custom' : profile}`] : []),
    ...(settings.remap ? ['name=userns'] : []),
    ...(cgroups.isUnified ? ['name=cgroupns'] : []),
  ]
}

function readOsRelease(): Record<string, string> {
  const path = ['/etc/os-release', '/usr/lib/os-release'].find(candidate => existsSync(candidate))
  if (path === undefined) return {}
  const lines = readFileSync(path, 'utf8').matchAll(/^([A-Z_]+)="?(.*?)"?$/gm)
  return Object.fromEntries([...lines].map(([, key, value]) => [key, value]))
}
