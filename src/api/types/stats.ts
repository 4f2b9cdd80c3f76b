// What GET /containers/{id}/stats tells. Counters are bigints: the kernel's are wider than a double; write them with `encodeExact`.

export interface CpuStats {
  cpu_usage: {
    /** Nanoseconds, as all times here. */
    total_usage: bigint
    /** By processor, of those the host has; cgroup v1 only. */
    percpu_usage?: bigint[]
    usage_in_kernelmode: bigint
    usage_in_usermode: bigint
  }
  /** Of the whole host: what it was busy and idle, all processors together. */
  system_cpu_usage?: bigint
  online_cpus?: number
  throttling_data: { periods: bigint; throttled_periods: bigint; throttled_time: bigint }
}

export interface BlkioEntry {
  major: number
  minor: number
  op: string
  value: bigint
}

/** Null where the host's version of cgroups doesn't count. */
export interface BlkioStats {
  io_service_bytes_recursive: BlkioEntry[] | null
  io_serviced_recursive: BlkioEntry[] | null
  io_queue_recursive: BlkioEntry[] | null
  io_service_time_recursive: BlkioEntry[] | null
  io_wait_time_recursive: BlkioEntry[] | null
  io_merged_recursive: BlkioEntry[] | null
  io_time_recursive: BlkioEntry[] | null
  sectors_recursive: BlkioEntry[] | null
}

/** Bytes; empty if nothing was measured. */
export interface MemoryStats {
  usage?: bigint
  max_usage?: bigint
  stats?: Record<string, bigint>
  failcnt?: bigint
  limit?: bigint
}

export interface InterfaceStats {
  rx_bytes: bigint
  rx_packets: bigint
  rx_errors: bigint
  rx_dropped: bigint
  tx_bytes: bigint
  tx_packets: bigint
  tx_errors: bigint
  tx_dropped: bigint
}

export interface ContainerStats {
  name: string
  id: string
  os_type?: string
  read: string
  preread: string
  pids_stats: { current?: bigint; limit?: bigint }
  blkio_stats: BlkioStats
  num_procs: number
  storage_stats: Record<string, never>
  cpu_stats: CpuStats
  precpu_stats: CpuStats
  memory_stats: MemoryStats
  networks?: Record<string, InterfaceStats>
}
