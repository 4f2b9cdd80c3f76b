// What one look at a container's control groups shows, whatever their version.

import type { BlkioStats, CpuStats, MemoryStats } from '../../api/types/stats.ts'

export interface Measurement {
  /** Without what is the host's: its own time and its number of processors. */
  readonly cpu: CpuStats
  readonly memory: MemoryStats
  readonly pids: { current?: bigint; limit?: bigint }
  readonly blkio: BlkioStats
}

/** Nothing measured: what a container that doesn't run has. */
export function emptyMeasurement(): Measurement {
  return {
    cpu: {
      cpu_usage: { total_usage: 0n, usage_in_kernelmode: 0n, usage_in_usermode: 0n },
      throttling_data: { periods: 0n, throttled_periods: 0n, throttled_time: 0n },
    },
    memory: {},
    pids: {},
    blkio: noBlkio,
  }
}

/** No list at all. */
export const noBlkio: BlkioStats = {
  io_service_bytes_recursive: null,
  io_serviced_recursive: null,
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
}

/** Leaves out what is zero or unknown, as Go's omitempty does. */
export function withoutZeros<T extends Record<string, unknown>>(record: T): Partial<T> {
  const kept = Object.entries(record).filter(([, value]) => value !== undefined && value !== 0n)
  return Object.fromEntries(kept) as Partial<T>
}
