// A container's counters in the hierarchies of cgroup version 1 (Documentation/admin-guide/cgroup-v1).

import type { BlkioEntry, BlkioStats } from '../../api/types/stats.ts'
import { type ReadFile, keyed, numberIn } from './counters.ts'
import { type Measurement, withoutZeros } from './measurement.ts'

/** Reads files of the container's directory in the hierarchy of a controller. */
export type ReadController = (controller: string, name: string) => string | undefined

// USER_HZ: 100 on every architecture that Linux runs containers on.
const nanosPerTick = 10_000_000n

/** Measures by `read`; undefined if the container has no control groups (any more). `cpus` is how many the host has. */
export function measureV1(read: ReadController, cpus: number): Measurement | undefined {
  const total = numberIn(read('cpuacct', 'cpuacct.usage'))
  if (total === undefined) return undefined
  const ticks = keyed(read('cpuacct', 'cpuacct.stat'))
  const throttled = keyed(read('cpu', 'cpu.stat'))
  return {
    cpu: {
      cpu_usage: {
        total_usage: total,
        percpu_usage: percpu(read('cpuacct', 'cpuacct.usage_percpu'), cpus),
        usage_in_kernelmode: (ticks.get('system') ?? 0n) * nanosPerTick,
        usage_in_usermode: (ticks.get('user') ?? 0n) * nanosPerTick,
      },
      throttling_data: {
        periods: throttled.get('nr_periods') ?? 0n,
        throttled_periods: throttled.get('nr_throttled') ?? 0n,
        throttled_time: throttled.get('throttled_time') ?? 0n,
      },
    },
    memory: memory(name => read('memory', name)),
    pids: withoutZeros({
      current: numberIn(read('pids', 'pids.current')),
      limit: numberIn(read('pids', 'pids.max')),
    }),
    blkio: blkio(name => read('blkio', name)),
  }
}

// The kernel has a place for every processor that could be there.
const percpu = (text: string | undefined, cpus: number) =>
  (text?.trim().split(/\s+/) ?? [])
    .slice(0, cpus)
    .filter(word => /^\d+$/.test(word))
    .map(BigInt)

function memory(read: ReadFile) {
  const stat = keyed(read('memory.stat'))
  if (stat.size === 0) return {}
  return {
    ...withoutZeros({
      usage: numberIn(read('memory.usage_in_bytes')),
      max_usage: numberIn(read('memory.max_usage_in_bytes')),
    }),
    stats: Object.fromEntries(memoryKeys.map(key => [key, stat.get(key) ?? 0n])),
    ...withoutZeros({
      failcnt: numberIn(read('memory.failcnt')),
      limit: numberIn(read('memory.limit_in_bytes')),
    }),
  }
}

const ownKeys = [
  'cache',
  'rss',
  'rss_huge',
  'mapped_file',
  'dirty',
  'writeback',
  'pgpgin',
  'pgpgout',
  'pgfault',
  'pgmajfault',
  'inactive_anon',
  'active_anon',
  'inactive_file',
  'active_file',
  'unevictable',
]
const memoryKeys = [
  ...ownKeys,
  'hierarchical_memory_limit',
  'hierarchical_memsw_limit',
  ...ownKeys.map(key => `total_${key}`),
]

const blkioFiles: Readonly<Record<keyof BlkioStats, string>> = {
  io_service_bytes_recursive: 'io_service_bytes_recursive',
  io_serviced_recursive: 'io_serviced_recursive',
  io_queue_recursive: 'io_queued_recursive',
  io_service_time_recursive: 'io_service_time_recursive',
  io_wait_time_recursive: 'io_wait_time_recursive',
  io_merged_recursive: 'io_merged_recursive',
  io_time_recursive: 'time_recursive',
  sectors_recursive: 'sectors_recursive',
}

// Which scheduler a device has decides where its requests are counted: CFQ, BFQ, or the throttling layer above all.
const blkioPrefixes = ['blkio.', 'blkio.bfq.', 'blkio.throttle.']

function blkio(read: ReadFile): BlkioStats {
  const choices = blkioPrefixes.map(prefix => {
    const entries = Object.entries(blkioFiles).map(([name, file]) => [name, blkioEntries(read(prefix + file))] as const)
    return Object.fromEntries(entries) as unknown as Record<keyof BlkioStats, BlkioEntry[]>
  })
  const counted = choices.find(choice => Object.values(choice).some(entries => entries.length > 0))
  return (counted ?? choices[0]) as BlkioStats
}

/** Lines such as `8:0 Read 4096` or `8:0 4096`; the total of all devices has none. */
export function blkioEntries(text: string | undefined): BlkioEntry[] {
  const lines = (text ?? '').matchAll(/^(\d+):(\d+) (?:([A-Z][a-z]+) )?(\d+)$/gm)
  return [...lines].map(([, major, minor, op = '', value = '0']) => ({
    major: Number(major),
    minor: Number(minor),
    op: op.toLowerCase(),
    value: BigInt(value),
  }))
}
