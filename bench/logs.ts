// Writing and reading a log of many lines: how long it takes, and how much processor time the engine spends on it.

import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import type { Engine } from '../test/kit/engine.ts'
import { until } from '../test/kit/until.ts'
import { processesOf } from './memory.ts'
import { timed } from './sample.ts'

const lines = 2_000_000
// The same for all engines, and enough for all lines in one file: podman keeps no other.
const options = ['--log-driver', 'json-file', '--log-opt', 'max-size=1g', '--log-opt', 'max-file=2']

/** Milliseconds until a container has written all lines and ended. */
export async function writeLog(engine: Engine): Promise<number> {
  const time = await timed(async () => {
    await engine.watchToEnd(['run', '-d', '--name', 'writer', ...options, 'busybox', 'seq', String(lines)])
    await engine.watchToEnd(['wait', 'writer'], { timeout: 300_000 })
  })
  await engine.ok(['rm', 'writer'])
  return time
}

/** Milliseconds of processor time that the engine's processes take for it. */
export async function writeLogCpu(engine: Engine): Promise<number> {
  const done = join(engine.scratch, 'written')
  const script = `seq ${lines}; touch /out/written; sleep 600`
  const before = processorTime(engine)
  await engine.ok([
    'run',
    '-d',
    '--name',
    'writer',
    ...options,
    '-v',
    `${engine.scratch}:/out`,
    'busybox',
    'sh',
    '-c',
    script,
  ])
  await until(() => existsSync(done), { every: 100, timeout: 300_000 })
  const spent = processorTime(engine) - before
  // All of it was the engine's to keep by then, but for what a pipe holds.
  await until(async () => (await engine.docker(['logs', '--tail', '1', 'writer'])).stdout.trim() === String(lines), {
    every: 500,
    timeout: 60_000,
  })
  await engine.ok(['rm', '--force', 'writer'])
  rmSync(done)
  return spent
}

/** Milliseconds that a client takes to read all lines. */
export async function readLog(engine: Engine): Promise<number> {
  await ensureLog(engine)
  return await timed(() => engine.watchToEnd(['logs', 'logged'], { timeout: 300_000 }))
}

/** Milliseconds of processor time that the engine takes for it. */
export async function readLogCpu(engine: Engine): Promise<number> {
  await ensureLog(engine)
  const before = processorTime(engine)
  await engine.watchToEnd(['logs', 'logged'], { timeout: 300_000 })
  return processorTime(engine) - before
}

async function ensureLog(engine: Engine): Promise<void> {
  if ((await engine.ok(['ps', '--all', '--quiet', '--filter', 'name=logged'])) !== '') return
  await engine.ok(['run', '-d', '--name', 'logged', ...options, 'busybox', 'seq', String(lines)])
  await engine.ok(['wait', 'logged'], { timeout: 300_000 })
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
