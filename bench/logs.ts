// Writing and reading a log of many lines: how long it takes, and how much processor time the engine spends on it.

import { readFileSync } from 'node:fs'

import type { Engine } from '../test/kit/engine.ts'
import { until } from '../test/kit/until.ts'
import { processesOf } from './memory.ts'
import { timed } from './sample.ts'

const lines = 2_000_000
// The same for all engines, and enough for all lines.
const options = ['--log-driver', 'json-file', '--log-opt', 'max-size=100m', '--log-opt', 'max-file=10']

/** Milliseconds until a container has written all lines and ended. */
export async function writeLog(engine: Engine): Promise<number> {
  const time = await timed(async () => {
    await engine.watchToEnd(['run', '-d', '--name', 'writer', ...options, 'busybox', 'seq', String(lines)])
    await engine.watchToEnd(['wait', 'writer'])
  })
  await engine.ok(['rm', 'writer'])
  return time
}

/** Milliseconds of processor time that the engine's processes take for it. */
export async function writeLogCpu(engine: Engine): Promise<number> {
  const before = processorTime(engine)
  await engine.ok(['run', '-d', '--name', 'writer', ...options, 'busybox', 'sh', '-c', `seq ${lines}; sleep 600`])
  await until(async () => (await engine.ok(['logs', '--tail', '1', 'writer'])) === String(lines), { every: 500 })
  const spent = processorTime(engine) - before
  await engine.ok(['rm', '--force', 'writer'])
  return spent
}

/** Milliseconds that a client takes to read all lines. */
export async function readLog(engine: Engine): Promise<number> {
  await ensureLog(engine)
  return await timed(() => engine.watchToEnd(['logs', 'logged']))
}

/** Milliseconds of processor time that the engine takes for it. */
export async function readLogCpu(engine: Engine): Promise<number> {
  await ensureLog(engine)
  const before = processorTime(engine)
  await engine.watchToEnd(['logs', 'logged'])
  return processorTime(engine) - before
}

async function ensureLog(engine: Engine): Promise<void> {
  if ((await engine.ok(['ps', '--all', '--quiet', '--filter', 'name=logged'])) !== '') return
  await engine.ok(['run', '-d', '--name', 'logged', ...options, 'busybox', 'seq', String(lines)])
  await engine.ok(['wait', 'logged'])
}

// Clock ticks are hundredths of a second for every program.
const tick = 10

function processorTime(engine: Engine): number {
  return [...processesOf(engine)].reduce((sum, pid) => sum + processorTimeOf(pid), 0)
}

// utime and stime, fields 14 and 15 of proc_pid_stat(5).
function processorTimeOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * tick
  } catch {
    return 0
  }
}
