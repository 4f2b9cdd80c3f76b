// What is measured: one row of the table each.

import type { Engine } from '../test/kit/engine.ts'
import { until } from '../test/kit/until.ts'
import { readLog, readLogCpu, writeLog, writeLogCpu } from './logs.ts'
import { processesOf, total } from './memory.ts'
import { type Measure, timed } from './sample.ts'
import { runOnSocket } from './socket.ts'
import { load, pull, push, save } from './transfers.ts'

export interface Row {
  /** Selects the row: `bench/run --only NAME`. */
  readonly name: string
  readonly what: string
  readonly unit: 'ms' | 'MB'
  /** Share of the samples asked for that this row takes: slow rows take fewer. */
  readonly share: number
  readonly measure: Measure
}

const cli =
  (...args: string[]): Measure =>
  engine =>
    timed(() => engine.watchToEnd(args))
const ports = Array.from({ length: 20 }, (_, index) => ['-p', `${20000 + index}:${index + 80}`]).flat()

const idle = ['-d', '--label', 'bench', 'busybox', 'sleep', '600']

async function killAndRemove(engine: Engine): Promise<number> {
  const id = await engine.ok(['run', ...idle])
  return await timed(async () => {
    await engine.watchToEnd(['kill', id])
    await engine.watchToEnd(['rm', id])
  })
}

async function execTrue(engine: Engine): Promise<number> {
  const resident = await engine.ok(['ps', '--quiet', '--filter', 'name=resident'])
  return await timed(() => engine.watchToEnd(['exec', resident, 'true']))
}

/** Milliseconds per container when 8 clients start 6 each. */
async function parallelStart(engine: Engine): Promise<number> {
  const [clients, each] = [8, 6]
  const client = async () => {
    for (let count = 0; count < each; count++) await engine.watchToEnd(['run', ...idle])
  }
  const time = await timed(() => Promise.all(Array.from({ length: clients }, client)))
  await removeIdle(engine)
  return time / (clients * each)
}

/** Megabytes that one more idle container costs in processes of the engine's, from ten of them. */
async function memoryPerContainer(engine: Engine): Promise<number> {
  const count = 10
  const before = processesOf(engine)
  for (let index = 0; index < count; index++) await engine.ok(['run', ...idle])
  const added = [...processesOf(engine)].filter(pid => !before.has(pid))
  const bytes = total(added, 'Pss')
  await removeIdle(engine)
  await until(() => added.every(pid => !processesOf(engine).has(pid)))
  return bytes / count / 1e6
}

async function removeIdle(engine: Engine): Promise<void> {
  const ids = await engine.ok(['ps', '--all', '--quiet', '--filter', 'label=bench'])
  await engine.ok(['rm', '--force', ...ids.split('\n')], { timeout: 300_000 })
}

async function daemonMemory(engine: Engine): Promise<number> {
  return total(processesOf(engine), 'Rss') / 1e6
}

export const rows: readonly Row[] = [
  { name: 'daemon-memory', what: 'memory of the daemon, one container', unit: 'MB', share: 0.1, measure: daemonMemory },
  { name: 'run', what: 'run --rm busybox true', unit: 'ms', share: 1, measure: cli('run', '--rm', 'busybox', 'true') },
  {
    name: 'run-none',
    what: 'run --rm --net=none busybox true',
    unit: 'ms',
    share: 1,
    measure: cli('run', '--rm', '--net=none', 'busybox', 'true'),
  },
  {
    name: 'run-ports',
    what: 'run --rm with 20 published ports',
    unit: 'ms',
    share: 0.3,
    measure: cli('run', '--rm', ...ports, 'busybox', 'true'),
  },
  {
    name: 'socket',
    what: 'create, start, wait, remove on the socket',
    unit: 'ms',
    share: 1,
    measure: engine => timed(() => runOnSocket(engine.socket, ['true'])),
  },
  { name: 'parallel', what: 'run -d from 8 clients, per container', unit: 'ms', share: 0.15, measure: parallelStart },
  { name: 'exec', what: 'exec true', unit: 'ms', share: 1, measure: execTrue },
  { name: 'kill', what: 'kill, then rm', unit: 'ms', share: 0.7, measure: killAndRemove },
  {
    name: 'memory',
    what: 'memory per idle container (PSS)',
    unit: 'MB',
    share: 0.1,
    measure: memoryPerContainer,
  },
  { name: 'log-write', what: 'writing a log of 2 million lines', unit: 'ms', share: 0.1, measure: writeLog },
  { name: 'log-write-cpu', what: 'processor time for that', unit: 'ms', share: 0.1, measure: writeLogCpu },
  { name: 'log-read', what: 'reading 2 million lines with docker logs', unit: 'ms', share: 0.1, measure: readLog },
  { name: 'log-read-cpu', what: 'processor time of the engine for that', unit: 'ms', share: 0.1, measure: readLogCpu },
  { name: 'pull-large', what: 'pulling one layer of 256 MB', unit: 'ms', share: 0.15, measure: pull('large') },
  { name: 'pull-layers', what: 'pulling 20 layers of 4 MB', unit: 'ms', share: 0.25, measure: pull('layers') },
  { name: 'pull-files', what: 'pulling 20,000 small files', unit: 'ms', share: 0.2, measure: pull('files') },
  { name: 'push', what: 'pushing 256 MB that were pulled', unit: 'ms', share: 0.15, measure: push('large') },
  { name: 'load', what: 'loading 256 MB', unit: 'ms', share: 0.15, measure: load('large') },
  { name: 'load-files', what: 'loading 20,000 small files', unit: 'ms', share: 0.2, measure: load('files') },
  { name: 'save', what: 'saving 256 MB that were pulled', unit: 'ms', share: 0.15, measure: save('large') },
]
