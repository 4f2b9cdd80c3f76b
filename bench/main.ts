// bench/run [--quick] [--samples N] [--only ROW]... [--crowd] [--engines gantryd,dockerd,podman] [--write FILE]

import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'

import { output } from '../test/kit/command.ts'
import { startDockerd } from '../test/kit/dockerd.ts'
import type { Engine } from '../test/kit/engine.ts'
import { startGantryd } from '../test/kit/gantryd.ts'
import { busyboxImage } from '../test/kit/images.ts'
import { Podman } from './podman.ts'
import { measureCrowd } from './crowd.ts'
import { type Result, figure, merged, table, writeReport } from './report.ts'
import { type Row, rows } from './rows.ts'
import { sampleAll } from './sample.ts'
import { closeConnections } from './socket.ts'
import { closeRegistries } from './transfers.ts'

const starters: Readonly<Record<string, () => Promise<Engine>>> = {
  gantryd: () => startGantryd({ checkLeaks: false }),
  dockerd: startDockerd,
  podman: Podman.start,
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    samples: { type: 'string' },
    only: { type: 'string', multiple: true },
    engines: { type: 'string', default: Object.keys(starters).join(',') },
    crowd: { type: 'boolean', default: false },
    write: { type: 'string' },
  },
})

/** Starts an engine that has the image and, on its bridge, one container that stays. */
async function prepared(name: string): Promise<Engine> {
  const start = starters[name]
  if (!start) throw new Error(`Unknown engine ${name}: one of ${Object.keys(starters).join(', ')}`)
  const engine = await start()
  await engine.ok(['load', '--quiet', '--input', (await busyboxImage()).archive])
  await engine.ok(['run', '--detach', '--name', 'resident', 'busybox', 'sleep', '86400'])
  return engine
}

async function measured(engines: readonly Engine[], row: Row, samples: number): Promise<Result> {
  process.stderr.write(`${row.what} …\n`)
  return { row, samples: await sampleAll(engines, row.measure, Math.max(2, Math.round(samples * row.share))) }
}

/** The same engine against itself: what difference is mere noise. */
async function noise(engine: Engine, row: Row, samples: number): Promise<Result> {
  const result = await measured([engine, engine], row, samples)
  return { ...result, row: { ...row, what: `${row.what}, against itself` } }
}

async function version(...argv: string[]): Promise<string> {
  return (await output(argv)).split('\n')[0] ?? ''
}

async function host(): Promise<string> {
  const [kernel, ...engines] = await Promise.all([
    version('uname', '-sr'),
    version('dockerd', '--version'),
    version('podman', '--version'),
    version('docker', '--version'),
  ])
  const [dockerd, podman, client] = engines
  return `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${kernel}; ${dockerd}; ${podman}; client ${client}.`
}

/** A thousand containers at once in gantryd; the other engines' bridges have no room for them here. */
async function crowd(): Promise<void> {
  await using engine = await startGantryd({ checkLeaks: false, bip: '10.212.0.1/16' })
  await engine.ok(['load', '--quiet', '--input', (await busyboxImage()).archive])
  const lines = (await measureCrowd(engine)).map(([what, value, unit]) => `| ${what} | ${figure(value)} ${unit} |`)
  const text = [`| 1,000 containers | gantryd |`, '| --- | --- |', ...lines].join('\n')
  console.log(text)
  if (options.write) writeReport(options.write, text, 'the crowd')
}

function samplesAsked(): number {
  const samples = Number(options.samples ?? (options.quick ? 6 : 40))
  if (!Number.isSafeInteger(samples) || samples < 1) throw new Error(`--samples ${options.samples}: expected a number`)
  return samples
}

async function main(): Promise<void> {
  await using stack = new AsyncDisposableStack()
  stack.defer(closeConnections)
  const names = options.engines.split(',')
  if (options.crowd) return await crowd()
  const unknown = options.only?.find(name => rows.every(row => row.name !== name))
  if (unknown !== undefined)
    throw new Error(`Unknown row ${unknown}: one of ${rows.map(({ name }) => name).join(', ')}`)
  const engines: Engine[] = []
  for (const name of names) engines.push(stack.use(await prepared(name)))
  stack.defer(closeRegistries)
  const samples = samplesAsked()
  const chosen = rows.filter(row => options.only?.includes(row.name) ?? true)
  const results: Result[] = []
  for (const row of chosen) results.push(await measured(engines, row, samples))
  const [first] = engines
  const timing = chosen.find(row => row.name === 'run')
  const itself = first && timing ? [await noise(first, timing, samples)] : []
  const text = [
    await host(),
    table(names, results),
    ...(itself.length > 0 ? [table([names[0] ?? '', 'itself'], itself)] : []),
  ]
  console.log(text.join('\n\n'))
  if (options.write && options.only)
    writeFileSync(options.write, merged(readFileSync(options.write, 'utf8'), table(names, results)))
  else if (options.write) writeReport(options.write, text.join('\n\n'))
}

await main()
