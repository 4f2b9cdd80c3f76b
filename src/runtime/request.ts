// The parts of the Engine API's Config and HostConfig that decide how a container is isolated.

/** Absent, null and the zero value all mean "not asked for", as in Go. */
type Optional<T> = T | null | undefined

/** What runs. */
export interface ProcessRequest {
  Hostname?: Optional<string>
  Domainname?: Optional<string>
  Tty?: Optional<boolean>
  /** Absolute; `/` if empty. */
  WorkingDir?: Optional<string>
  Env?: Optional<readonly string[]>
  NetworkDisabled?: Optional<boolean>
}

/** A limit of setrlimit(2); `Name` is such as nofile, -1 means unlimited. */
export interface Ulimit {
  Name: string
  Soft: number
  Hard: number
}

/** `PathOnHost` is a device node, or a directory of them. */
export interface DeviceMapping {
  PathOnHost?: Optional<string>
  PathInContainer?: Optional<string>
  CgroupPermissions?: Optional<string>
}

export interface WeightDevice {
  Path?: Optional<string>
  Weight?: Optional<number>
}

/** Rate in bytes or operations per second. */
export interface ThrottleDevice {
  Path?: Optional<string>
  Rate?: Optional<number>
}

/** Limits; sizes in bytes, periods and quotas in microseconds. */
export interface ResourceRequest {
  Memory?: Optional<number>
  MemoryReservation?: Optional<number>
  MemorySwap?: Optional<number>
  MemorySwappiness?: Optional<number>
  OomKillDisable?: Optional<boolean>
  NanoCpus?: Optional<number>
  CpuShares?: Optional<number>
  CpuPeriod?: Optional<number>
  CpuQuota?: Optional<number>
  CpuRealtimePeriod?: Optional<number>
  CpuRealtimeRuntime?: Optional<number>
  CpusetCpus?: Optional<string>
  CpusetMems?: Optional<string>
  PidsLimit?: Optional<number>
  /** Windows has these three. */
  CpuPercent?: Optional<number>
  IOMaximumIOps?: Optional<number>
  IOMaximumBandwidth?: Optional<number>
  BlkioWeight?: Optional<number>
  BlkioWeightDevice?: Optional<readonly WeightDevice[]>
  BlkioDeviceReadBps?: Optional<readonly ThrottleDevice[]>
  BlkioDeviceWriteBps?: Optional<readonly ThrottleDevice[]>
  BlkioDeviceReadIOps?: Optional<readonly ThrottleDevice[]>
  BlkioDeviceWriteIOps?: Optional<readonly ThrottleDevice[]>
}

/** How it is isolated. */
export interface IsolationRequest extends ResourceRequest {
  /** Below the root of the cgroup hierarchies; empty: the daemon's. */
  CgroupParent?: Optional<string>
  CapAdd?: Optional<readonly string[]>
  CapDrop?: Optional<readonly string[]>
  Privileged?: Optional<boolean>
  SecurityOpt?: Optional<readonly string[]>
  MaskedPaths?: Optional<readonly string[]>
  ReadonlyPaths?: Optional<readonly string[]>
  ReadonlyRootfs?: Optional<boolean>
  NetworkMode?: Optional<string>
  PidMode?: Optional<string>
  IpcMode?: Optional<string>
  UTSMode?: Optional<string>
  CgroupnsMode?: Optional<string>
  UsernsMode?: Optional<string>
  Sysctls?: Optional<Readonly<Record<string, string>>>
  Ulimits?: Optional<readonly Ulimit[]>
  Devices?: Optional<readonly DeviceMapping[]>
  DeviceCgroupRules?: Optional<readonly string[]>
  ShmSize?: Optional<number>
  OomScoreAdj?: Optional<number>
  Init?: Optional<boolean>
  Annotations?: Optional<Readonly<Record<string, string>>>
  /** Height and width in characters. */
  ConsoleSize?: Optional<readonly number[]>
}
