// The OCI runtime configuration (config.json), as far as Linux containers use it: runtime-spec 1.0–1.2.

/** A whole config.json. */
export interface RuntimeSpec {
  ociVersion: string
  process: Process
  root: { path: string; readonly?: boolean }
  hostname?: string
  domainname?: string
  mounts: Mount[]
  annotations?: Record<string, string>
  hooks?: Hooks
  linux: Linux
}

/** Programs of the host that the runtime runs at points of a container's life. */
export type Hooks = Partial<
  Record<'prestart' | 'createRuntime' | 'createContainer' | 'startContainer' | 'poststart' | 'poststop', Hook[]>
>

/** `args` begins with the program's name; `timeout` is in seconds. */
export interface Hook {
  path: string
  args?: string[]
  env?: string[]
  timeout?: number
}

/** What runs, and as whom; also the document that `exec --process` takes. */
export interface Process {
  terminal?: boolean
  /** In characters. */
  consoleSize?: { height: number; width: number }
  user: User
  args: string[]
  env: string[]
  cwd: string
  capabilities: Capabilities
  rlimits?: Rlimit[]
  noNewPrivileges?: boolean
  apparmorProfile?: string
  selinuxLabel?: string
  oomScoreAdj?: number
}

export interface User {
  uid: number
  gid: number
  additionalGids?: number[]
}

/** Inheritable and ambient sets are left out on purpose: they stay empty. */
export interface Capabilities {
  bounding: string[]
  effective: string[]
  permitted: string[]
}

/** `type` is RLIMIT_…; values are bytes, seconds or counts as setrlimit(2) has them, or Infinity. */
export interface Rlimit {
  type: string
  soft: number
  hard: number
}

export interface Mount {
  destination: string
  type: string
  source: string
  options: string[]
}

export interface Linux {
  namespaces: Namespace[]
  uidMappings?: IdMapping[]
  gidMappings?: IdMapping[]
  cgroupsPath: string
  resources: Resources
  devices?: Device[]
  sysctl?: Record<string, string>
  seccomp?: Seccomp
  rootfsPropagation?: string
  maskedPaths?: string[]
  readonlyPaths?: string[]
  mountLabel?: string
}

export type NamespaceType = 'pid' | 'network' | 'mount' | 'ipc' | 'uts' | 'user' | 'cgroup' | 'time'

/** Without a path a new namespace is made; a type that isn't listed is shared with the host. */
export interface Namespace {
  type: NamespaceType
  path?: string
}

/** `size` ids from `containerID` on are those from `hostID` on. */
export interface IdMapping {
  containerID: number
  hostID: number
  size: number
}

/** A node to be made in the container's /dev. */
export interface Device {
  path: string
  type: 'c' | 'b' | 'u' | 'p'
  major: number
  minor: number
  /** Permission bits. */
  fileMode?: number
  uid?: number
  gid?: number
}

/** A rule of the devices cgroup; a missing type, major or minor means all. */
export interface DeviceRule {
  allow: boolean
  type?: string
  major?: number
  minor?: number
  access: string
}

export interface Resources {
  devices?: DeviceRule[]
  memory?: MemoryLimits
  cpu?: CpuLimits
  pids?: { limit: number }
  blockIO?: BlockIoLimits
}

/** Sizes in bytes; swap is memory plus swap, -1 for no limit. */
export interface MemoryLimits {
  limit?: number
  reservation?: number
  swap?: number
  swappiness?: number
  disableOOMKiller?: boolean
}

/** Quota and periods in microseconds. */
export interface CpuLimits {
  shares?: number
  quota?: number
  period?: number
  realtimeRuntime?: number
  realtimePeriod?: number
  cpus?: string
  mems?: string
}

export interface BlockIoLimits {
  weight?: number
  weightDevice?: { major: number; minor: number; weight: number }[]
  throttleReadBpsDevice?: Throttle[]
  throttleWriteBpsDevice?: Throttle[]
  throttleReadIOPSDevice?: Throttle[]
  throttleWriteIOPSDevice?: Throttle[]
}

/** Rate in bytes or operations per second. */
export interface Throttle {
  major: number
  minor: number
  rate: number
}

export interface Seccomp {
  defaultAction: string
  defaultErrnoRet?: number
  architectures?: string[]
  flags?: string[]
  listenerPath?: string
  listenerMetadata?: string
  syscalls?: SeccompRule[]
}

export interface SeccompRule {
  names: string[]
  action: string
  errnoRet?: number
  args?: SeccompArgument[]
}

export interface SeccompArgument {
  index: number
  value: number
  valueTwo?: number
  op: string
}

// Missing from the type checker's library, present in the engine.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** The document as JSON. Infinity becomes 2⁶⁴−1, RLIM_INFINITY, which a JavaScript number can't hold. */
export function formatSpec(document: RuntimeSpec | Process): string {
  return JSON.stringify(document, (_, value) => (value === Infinity ? rawJSON('18446744073709551615') : value))
}
