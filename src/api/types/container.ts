// Containers: what create takes, and what inspect, list and the other verbs answer.

import {
  type Static,
  dictionary,
  flag,
  given,
  integer,
  list,
  nameSet,
  nullable,
  omitted,
  size,
  struct,
  text,
  words,
} from '../schema.ts'
import type { Descriptor } from './descriptor.ts'
import { Mount, type MountPoint } from './mount.ts'
import { type EndpointSettings, NetworkingConfig, PortMap } from './network.ts'

/** A health check; durations in nanoseconds, zero or absent means inherit. */
export const Healthcheck = struct('HealthcheckConfig', {
  /** Empty: inherit; ["NONE"]; ["CMD", …]; ["CMD-SHELL", command]. */
  Test: omitted(list(text())),
  Interval: omitted(integer()),
  Timeout: omitted(integer()),
  StartPeriod: omitted(integer()),
  StartInterval: omitted(integer()),
  Retries: omitted(integer('int')),
})
export type Healthcheck = Static<typeof Healthcheck>

const configFields = {
  Hostname: text(),
  Domainname: text(),
  User: text(),
  AttachStdin: flag(),
  AttachStdout: flag(),
  AttachStderr: flag(),
  ExposedPorts: omitted(nameSet()),
  Tty: flag(),
  OpenStdin: flag(),
  StdinOnce: flag(),
  Env: list(text()),
  /** null: inherit from the image. */
  Cmd: words(),
  Healthcheck: omitted(Healthcheck),
  ArgsEscaped: omitted(flag()),
  Image: text(),
  Volumes: nameSet(),
  WorkingDir: text(),
  /** null: inherit from the image; []: none. */
  Entrypoint: words(),
  NetworkDisabled: omitted(flag()),
  /** Only API < 1.44. */
  MacAddress: omitted(text()),
  OnBuild: list(text()),
  Labels: dictionary(text()),
  StopSignal: omitted(text()),
  /** Seconds; -1 means for ever. */
  StopTimeout: given(integer('int')),
  Shell: omitted(words()),
}

/** What runs in a container, independent of the host. */
export const ContainerConfig = struct('Config', configFields)
export type ContainerConfig = Static<typeof ContainerConfig>

export const RestartPolicy = struct('RestartPolicy', { Name: text(), MaximumRetryCount: integer('int') })
export type RestartPolicy = Static<typeof RestartPolicy>

export const LogConfig = struct('LogConfig', { Type: text(), Config: dictionary(text()) })
export type LogConfig = Static<typeof LogConfig>

export const WeightDevice = struct('WeightDevice', { Path: text(), Weight: integer('uint16') })
export type WeightDevice = Static<typeof WeightDevice>

export const ThrottleDevice = struct('ThrottleDevice', { Path: text(), Rate: integer('uint64') })
export type ThrottleDevice = Static<typeof ThrottleDevice>

export const Device = struct('DeviceMapping', {
  PathOnHost: text(),
  PathInContainer: text(),
  CgroupPermissions: text(),
})
export type Device = Static<typeof Device>

export const DeviceRequest = struct('DeviceRequest', {
  Driver: text(),
  /** -1 means all. */
  Count: integer('int'),
  DeviceIDs: list(text()),
  Capabilities: list(list(text())),
  Options: dictionary(text()),
})
export type DeviceRequest = Static<typeof DeviceRequest>

export const Ulimit = struct('Ulimit', { Name: text(), Hard: integer(), Soft: integer() })
export type Ulimit = Static<typeof Ulimit>

const resourceFields = {
  CpuShares: integer(),
  /** Bytes. */
  Memory: integer(),
  NanoCpus: integer(),
  CgroupParent: text(),
  BlkioWeight: integer('uint16'),
  BlkioWeightDevice: list(WeightDevice),
  BlkioDeviceReadBps: list(ThrottleDevice),
  BlkioDeviceWriteBps: list(ThrottleDevice),
  BlkioDeviceReadIOps: list(ThrottleDevice),
  BlkioDeviceWriteIOps: list(ThrottleDevice),
  CpuPeriod: integer(),
  CpuQuota: integer(),
  CpuRealtimePeriod: integer(),
  CpuRealtimeRuntime: integer(),
  CpusetCpus: text(),
  CpusetMems: text(),
  Devices: list(Device),
  DeviceCgroupRules: list(text()),
  DeviceRequests: list(DeviceRequest),
  KernelMemory: omitted(integer()),
  KernelMemoryTCP: omitted(integer()),
  MemoryReservation: integer(),
  /** Memory and swap together, bytes; -1: unlimited. */
  MemorySwap: integer(),
  MemorySwappiness: nullable(integer()),
  OomKillDisable: nullable(flag()),
  /** 0 or -1: unlimited; null: not said. */
  PidsLimit: nullable(integer()),
  Ulimits: list(Ulimit),
  CpuCount: integer(),
  CpuPercent: integer(),
  IOMaximumIOps: integer('uint64'),
  IOMaximumBandwidth: integer('uint64'),
}

export const Resources = struct('Resources', resourceFields)
export type Resources = Static<typeof Resources>

/** How a container is tied to its host. */
export const HostConfig = struct('HostConfig', {
  Binds: list(text()),
  ContainerIDFile: text(),
  LogConfig,
  NetworkMode: text(),
  PortBindings: PortMap,
  RestartPolicy,
  AutoRemove: flag(),
  VolumeDriver: text(),
  VolumesFrom: list(text()),
  /** Height, width. */
  ConsoleSize: size(),
  Annotations: omitted(dictionary(text())),
  CapAdd: words(),
  CapDrop: words(),
  CgroupnsMode: text(),
  Dns: list(text()),
  DnsOptions: list(text()),
  DnsSearch: list(text()),
  ExtraHosts: list(text()),
  GroupAdd: list(text()),
  IpcMode: text(),
  Cgroup: text(),
  Links: list(text()),
  OomScoreAdj: integer('int'),
  PidMode: text(),
  Privileged: flag(),
  PublishAllPorts: flag(),
  ReadonlyRootfs: flag(),
  SecurityOpt: list(text()),
  StorageOpt: omitted(dictionary(text())),
  Tmpfs: omitted(dictionary(text())),
  UTSMode: text(),
  UsernsMode: text(),
  /** Bytes. */
  ShmSize: integer(),
  Sysctls: omitted(dictionary(text())),
  Runtime: omitted(text()),
  Isolation: text(),
  ...resourceFields,
  Mounts: omitted(list(Mount)),
  /** null: the default paths. */
  MaskedPaths: list(text()),
  /** null: the default paths. */
  ReadonlyPaths: list(text()),
  /** Absent: the daemon's default. */
  Init: given(flag()),
})
export type HostConfig = Static<typeof HostConfig>

export const ContainerCreateRequest = struct('CreateRequest', {
  ...configFields,
  HostConfig: nullable(HostConfig),
  NetworkingConfig: nullable(NetworkingConfig),
})
export type ContainerCreateRequest = Static<typeof ContainerCreateRequest>

export interface ContainerCreateResponse {
  Id: string
  Warnings: string[]
}

export const ContainerUpdateRequest = struct('UpdateConfig', { ...resourceFields, RestartPolicy })
export type ContainerUpdateRequest = Static<typeof ContainerUpdateRequest>

export interface ContainerUpdateResponse {
  Warnings: string[] | null
}

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

export interface HealthcheckResult {
  Start: string
  End: string
  /** 0 healthy, 1 unhealthy, else the probe itself failed. */
  ExitCode: number
  Output: string
}

export interface Health {
  Status: 'none' | 'starting' | 'healthy' | 'unhealthy'
  FailingStreak: number
  Log: HealthcheckResult[] | null
}

export interface ContainerState {
  Status: ContainerStatus
  Running: boolean
  Paused: boolean
  Restarting: boolean
  OOMKilled: boolean
  Dead: boolean
  Pid: number
  ExitCode: number
  Error: string
  StartedAt: string
  FinishedAt: string
  Health?: Health
}

export interface GraphDriver {
  Data: Record<string, string> | null
  Name: string
}

export interface NetworkAddress {
  Addr: string
  PrefixLen: number
}

/** A container's network; the fields marked optional are shown to API < 1.52 only. */
export interface NetworkSettings {
  Bridge?: string
  SandboxID: string
  SandboxKey: string
  Ports: PortMap
  HairpinMode?: boolean
  LinkLocalIPv6Address?: string
  LinkLocalIPv6PrefixLen?: number
  SecondaryIPAddresses?: NetworkAddress[] | null
  SecondaryIPv6Addresses?: NetworkAddress[] | null
  EndpointID?: string
  Gateway?: string
  GlobalIPv6Address?: string
  GlobalIPv6PrefixLen?: number
  IPAddress?: string
  IPPrefixLen?: number
  IPv6Gateway?: string
  MacAddress?: string
  Networks: Record<string, EndpointSettings>
}

export interface ContainerInspect {
  Id: string
  Created: string
  Path: string
  Args: string[]
  State: ContainerState
  /** The image's id, `sha256:…`. */
  Image: string
  ResolvConfPath: string
  HostnamePath: string
  HostsPath: string
  LogPath: string
  /** With a leading slash. */
  Name: string
  RestartCount: number
  Driver: string
  Platform: string
  MountLabel: string
  ProcessLabel: string
  AppArmorProfile: string
  ExecIDs: string[] | null
  HostConfig: HostConfig
  GraphDriver: GraphDriver
  SizeRw?: number
  SizeRootFs?: number
  Mounts: MountPoint[]
  Config: ContainerConfig
  NetworkSettings: NetworkSettings
  ImageManifestDescriptor?: Descriptor
}

/** A port in a list of containers. */
export interface PortSummary {
  IP?: string
  PrivatePort: number
  PublicPort?: number
  Type: string
}

export interface ContainerSummary {
  Id: string
  /** With leading slashes. */
  Names: string[]
  Image: string
  ImageID: string
  ImageManifestDescriptor?: Descriptor
  Command: string
  /** Seconds since the epoch. */
  Created: number
  Ports: PortSummary[]
  SizeRw?: number
  SizeRootFs?: number
  Labels: Record<string, string>
  State: ContainerStatus
  Status: string
  HostConfig: { NetworkMode?: string; Annotations?: Record<string, string> }
  Health?: { Status: Health['Status']; FailingStreak: number }
  NetworkSettings: { Networks: Record<string, EndpointSettings> }
  Mounts: MountPoint[]
}

export interface ContainerWaitResponse {
  Error?: { Message?: string }
  StatusCode: number
}

export interface ContainerTopResponse {
  Processes: string[][]
  Titles: string[]
}

export interface ContainerPruneResponse {
  ContainersDeleted: string[] | null
  SpaceReclaimed: number
}

/** A changed path: 0 modified, 1 added, 2 deleted. */
export interface FilesystemChange {
  Kind: 0 | 1 | 2
  Path: string
}
