// The engine about itself: version, info, disk usage; and registry credentials.

import type { ContainerSummary } from './container.ts'
import type { ImageSummary } from './image.ts'
import type { Volume } from './volume.ts'

export interface ComponentVersion {
  Name: string
  Version: string
  Details?: Record<string, string>
}

export interface SystemVersion {
  Platform?: { Name: string }
  Components?: ComponentVersion[]
  Version: string
  ApiVersion: string
  MinAPIVersion?: string
  GitCommit: string
  GoVersion: string
  Os: string
  Arch: string
  KernelVersion?: string
  Experimental?: boolean
  BuildTime?: string
}

export interface RuntimeInfo {
  path?: string
  runtimeArgs?: string[]
  runtimeType?: string
  options?: Record<string, unknown>
  status?: Record<string, string>
}

export interface IndexInfo {
  Name: string
  Mirrors: string[]
  Secure: boolean
  Official: boolean
}

export interface RegistryServiceConfig {
  InsecureRegistryCIDRs: string[]
  IndexConfigs: Record<string, IndexInfo>
  Mirrors: string[] | null
}

export interface Commit {
  ID: string
  Expected?: string
}

export interface SwarmInfo {
  NodeID: string
  NodeAddr: string
  LocalNodeState: string
  ControlAvailable: boolean
  Error: string
  RemoteManagers: null
}

export interface SystemInfo {
  ID: string
  Containers: number
  ContainersRunning: number
  ContainersPaused: number
  ContainersStopped: number
  Images: number
  Driver: string
  DriverStatus: [string, string][]
  Plugins: { Volume: string[]; Network: string[]; Authorization: string[] | null; Log: string[] }
  MemoryLimit: boolean
  SwapLimit: boolean
  KernelMemory?: boolean
  KernelMemoryTCP?: boolean
  CpuCfsPeriod: boolean
  CpuCfsQuota: boolean
  CPUShares: boolean
  CPUSet: boolean
  PidsLimit: boolean
  IPv4Forwarding: boolean
  BridgeNfIptables?: boolean
  BridgeNfIp6tables?: boolean
  Debug: boolean
  NFd: number
  OomKillDisable: boolean
  NGoroutines: number
  SystemTime: string
  LoggingDriver: string
  CgroupDriver: string
  CgroupVersion?: string
  NEventsListener: number
  KernelVersion: string
  OperatingSystem: string
  OSVersion: string
  OSType: string
  Architecture: string
  IndexServerAddress: string
  RegistryConfig: RegistryServiceConfig
  NCPU: number
  MemTotal: number
  GenericResources: null
  DockerRootDir: string
  HttpProxy: string
  HttpsProxy: string
  NoProxy: string
  Name: string
  Labels: string[]
  ExperimentalBuild: boolean
  ServerVersion: string
  Runtimes: Record<string, RuntimeInfo>
  DefaultRuntime: string
  Swarm: SwarmInfo
  LiveRestoreEnabled: boolean
  Isolation: string
  InitBinary: string
  ContainerdCommit: Commit
  RuncCommit: Commit
  InitCommit: Commit
  SecurityOptions: string[]
  ProductLicense?: string
  DefaultAddressPools?: { Base: string; Size: number }[]
  FirewallBackend?: { Driver: string; Info?: [string, string][] }
  CDISpecDirs: string[]
  DiscoveredDevices?: { Source: string; ID: string }[]
  Warnings: string[] | null
}

/** What objects of one kind take on disk, in bytes; the objects if they were asked for. */
export interface DiskUsage<T = unknown> {
  ActiveCount: number
  Reclaimable: number
  TotalCount: number
  TotalSize: number
  Items?: T[]
}

/** Disk usage: lists in the form before API 1.53, sums in the form since 1.52. */
export interface SystemDataUsage {
  LayersSize?: number
  Images?: ImageSummary[] | null
  Containers?: ContainerSummary[] | null
  Volumes?: Volume[] | null
  BuildCache?: unknown[] | null
  ImageUsage?: DiskUsage<ImageSummary>
  ContainerUsage?: DiskUsage<ContainerSummary>
  VolumeUsage?: DiskUsage<Volume>
  BuildCacheUsage?: DiskUsage
}

/** What /_ping tells, as headers. */
export interface Ping {
  APIVersion: string
  OSType: string
  Experimental: boolean
  BuilderVersion: string
}

/** The answer of /auth. */
export interface AuthResponse {
  IdentityToken?: string
  Status: string
}
