// A thousand containers at once: how long it takes to start one among them, to list, inspect and measure all, and what the
// daemon takes for it.

import type { Engine } from '../test/kit/engine.ts'
import { until } from '../test/kit/until.ts'
import { memoryOf, processesOf, total } from './memory.ts'
import { timed } from './sample.ts'

/** How many. The bridge's network has room for 1,023. */
const size = 1000
const clients = 8
const middle = `crowd-${size / 2}`

/** What was measured, a line each. */
export type Figures = readonly (readonly [what: string, value: number, unit: 'ms' | 'MB'])[]

/** Fills `engine` with containers, measures, and removes them again. */
export async function measureCrowd(engine: Engine): Promise<Figures> {
  const before = processesOf(engine)
  const idle = memoryOf(engine.pid, 'Rss')
  const started = await timed(() => fill(engine))
  await until(async () => (await ids(engine)).length === size)
  const keepers = [...processesOf(engine)].filter(pid => !before.has(pid))
  const cli = (...args: string[]) => timed(() => engine.ok(args, { timeout: 300_000 }))
  const figures: Figures = [
    ['run -d, per container, from 8 clients', started / size, 'ms'],
    ['ps', await cli('ps'), 'ms'],
    ['ps --all --quiet', await cli('ps', '--all', '--quiet'), 'ms'],
    ['inspect of one', await cli('inspect', middle), 'ms'],
    ['inspect of all', await cli('inspect', ...(await ids(engine))), 'ms'],
    ['stats --no-stream of all', await cli('stats', '--no-stream'), 'ms'],
    ['exec true in one', await cli('exec', middle, 'true'), 'ms'],
    ['run --rm busybox true', await cli('run', '--rm', 'busybox', 'true'), 'ms'],
    ['memory of the daemon without them', idle / 1e6, 'MB'],
    ['memory of the daemon', memoryOf(engine.pid, 'Rss') / 1e6, 'MB'],
    ['memory per container in other processes (PSS)', total(keepers, 'Pss') / size / 1e6, 'MB'],
  ]
  const all = await ids(engine)
  const removed = await timed(() => engine.ok(['rm', '--force', ...all], { timeout: 600_000 }))
  return [...figures, ['rm --force, per container', removed / size, 'ms']]
}

const ids = async (engine: Engine) => (await engine.ok(['ps', '--quiet', '--filter', 'label=crowd'])).split('\n')

async function fill(engine: Engine): Promise<void> {
  let next = 0
  const client = async () => {
    for (let number = next++; number < size; number = next++) {
      const name = ['--name', `crowd-${number}`, '--label', 'crowd']
      await engine.watchToEnd(['run', '--detach', ...name, 'busybox', 'sleep', '3600'])
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
}
