// Memory of an engine's own processes, without those inside containers.

import { readFileSync } from 'node:fs'

import type { Engine } from '../test/kit/engine.ts'
import { allPids, processesMentioning } from '../test/kit/processes.ts'

/** Bytes a process has: `Pss` counts shared pages by share, `Rss` in full. 0 if the process is gone. */
export function memoryOf(pid: number, field: 'Pss' | 'Rss'): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** The processes an engine runs, its daemon and those it keeps for each container: their arguments name its directory. */
export function processesOf(engine: Engine): Set<number> {
  return new Set([engine.pid, ...processesMentioning(engine.directory, allPids()).keys()])
}

/** Sum of a field over processes. */
export function total(pids: Iterable<number>, field: 'Pss' | 'Rss'): number {
  return [...pids].reduce((sum, pid) => sum + memoryOf(pid, field), 0)
}
