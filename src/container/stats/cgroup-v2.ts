// A container's counters in cgroup version 2 (Documentation/admin-guide/cgroup-v2).

import type { BlkioEntry } from '../../api/types/stats.ts'
import { type ReadFile, keyed, numberIn } from './counters.ts'
import { type Measurement, noBlkio, withoutZeros } from './measurement.ts'

const nanosPerMicro = 1000n
/** What stands for no limit. */
const unlimited = 2n ** 64n - 1n

/** Measures by `read`, which knows the container's directory; undefined if it has none (any more). */
export function measureV2(read: ReadFile): Measurement | undefined {
  const text = read('cpu.stat')
  if (text === undefined) return undefined
  const cpu = keyed(text)
  const nanos = (key: string) => (cpu.get(key) ?? 0n) * nanosPerMicro
  return {
    cpu: {
      cpu_usage: {
        total_usage: nanos('usage_usec'),
        usage_in_kernelmode: nanos('system_usec'),
        usage_in_usermode: nanos('user_usec'),
      },
      throttling_data: {
        periods: cpu.get('nr_periods') ?? 0n,
        throttled_periods: cpu.get('nr_throttled') ?? 0n,
        throttled_time: nanos('throttled_usec'),
      },
    },
    memory: memory(read),
    pids: withoutZeros({ current: numberIn(read('pids.current')), limit: limitIn(read('pids.max')) }),
    blkio: { ...noBlkio, io_service_bytes_recursive: serviceBytes(read('io.stat')) },
  }
}

const limitIn = (text: string | undefined) => (text?.trim() === 'max' ? unlimited : numberIn(text))

function memory(read: ReadFile) {
  const text = read('memory.stat')
  if (text === undefined) return {}
  const stat = keyed(text)
  return {
    ...withoutZeros({ usage: numberIn(read('memory.current')), max_usage: numberIn(read('memory.peak')) }),
    stats: Object.fromEntries(memoryKeys.map(key => [key, stat.get(key) ?? 0n])),
    ...withoutZeros({
      failcnt: keyed(read('memory.events')).get('oom'),
      limit: limitIn(read('memory.max')),
    }),
  }
}

const memoryKeys = [
  'anon',
  'file',
  'kernel_stack',
  'slab',
  'sock',
  'shmem',
  'file_mapped',
  'file_dirty',
  'file_writeback',
  'anon_thp',
  'inactive_anon',
  'active_anon',
  'inactive_file',
  'active_file',
  'unevictable',
  'slab_reclaimable',
  'slab_unreclaimable',
  'pgfault',
  'pgmajfault',
  'workingset_refault',
  'workingset_activate',
  'workingset_nodereclaim',
  'pgrefill',
  'pgscan',
  'pgsteal',
  'pgactivate',
  'pgdeactivate',
  'pglazyfree',
  'pglazyfreed',
  'thp_fault_alloc',
  'thp_collapse_alloc',
]

/** Lines such as `8:0 rbytes=4096 wbytes=0 rios=1 …`; null if no device was used. */
export function serviceBytes(text: string | undefined): BlkioEntry[] | null {
  const lines = [...(text ?? '').matchAll(/^(\d+):(\d+) (.*)$/gm)]
  const entries = lines.flatMap(([, major, minor, rest = '']) =>
    (['read', 'write'] as const).map(op => ({
      major: Number(major),
      minor: Number(minor),
      op,
      value: BigInt(new RegExp(`\\b${op[0]}bytes=(\\d+)`).exec(rest)?.[1] ?? 0),
    })),
  )
  return entries.length > 0 ? entries : null
}
