// What of the host and of a container's network goes into its statistics.

import { statSync } from 'node:fs'
import type { InterfaceStats } from '../../api/types/stats.ts'
import { hasCode } from '../../kernel/ffi.ts'
import { readCounters } from './counters.ts'

// USER_HZ, see cgroup-v1.ts.
const nanosPerTick = 10_000_000n

/** The host's time, busy and idle, of all processors together in nanoseconds, and how many are online: proc_stat(5). */
export function hostCpu(text = readCounters('/proc/stat') ?? ''): { system: bigint; online: number } {
  // What guests used is in the first two numbers already.
  const [, ...ticks] = /^cpu .*$/m.exec(text)?.[0].trim().split(/\s+/).slice(0, 9) ?? []
  const online = [...text.matchAll(/^cpu\d+ /gm)].length
  return { system: ticks.reduce((sum, word) => sum + BigInt(word), 0n) * nanosPerTick, online }
}

/** Bytes of memory the host has. */
export function hostMemory(text = readCounters('/proc/meminfo') ?? ''): bigint {
  return BigInt(/^MemTotal: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024n
}

// The engine's own; a container with the right may make others.
const engineInterface = /^eth\d+$/

/** The counters of /proc/net/dev by interface, of those the engine made. */
export function interfaceCounters(text: string): Record<string, InterfaceStats> {
  const found: Record<string, InterfaceStats> = {}
  for (const [, name = '', rest = ''] of text.matchAll(/^ *([^\s:]+): *(.*)$/gm)) {
    const numbers = rest.trim().split(/\s+/).map(BigInt)
    const at = (index: number) => numbers[index] ?? 0n
    if (!engineInterface.test(name)) continue
    found[name] = {
      rx_bytes: at(0),
      rx_packets: at(1),
      rx_errors: at(2),
      rx_dropped: at(3),
      tx_bytes: at(8),
      tx_packets: at(9),
      tx_errors: at(10),
      tx_dropped: at(11),
    }
  }
  return found
}

/** The interfaces that a process sees; none if it is in the host's network, or gone. */
export function networksOf(pid: number): Record<string, InterfaceStats> {
  const namespace = namespaceOf(String(pid))
  if (namespace === undefined || namespace === namespaceOf('self')) return {}
  return interfaceCounters(readCounters(`/proc/${pid}/net/dev`) ?? '')
}

function namespaceOf(pid: string): bigint | undefined {
  try {
    return statSync(`/proc/${pid}/ns/net`, { bigint: true }).ino
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
}
