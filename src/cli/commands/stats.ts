// `gantry stats`: what containers use, once or again and again.

import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerStats } from '../../api/types/stats.ts'
import { containerStats, inspectContainer, listContainers } from '../../client/containers.ts'
import { EngineError } from '../../client/client.ts'
import { shortId } from '../../lib/ids.ts'
import { flag } from '../flags.ts'
import { type Row, formatListing } from '../output/listing.ts'
import { binarySize, humanSize } from '../output/units.ts'
import type { Context, Verb } from '../verb.ts'

const titles = {
  Container: 'CONTAINER',
  ID: 'CONTAINER ID',
  Name: 'NAME',
  CPUPerc: 'CPU %',
  MemUsage: 'MEM USAGE / LIMIT',
  MemPerc: 'MEM %',
  NetIO: 'NET I/O',
  BlockIO: 'BLOCK I/O',
  PIDs: 'PIDS',
}
const columns = Object.keys(titles).slice(1)

export const verb: Verb = {
  usage: '[OPTIONS] [CONTAINER...]',
  summary: 'Display a live stream of container(s) resource usage statistics',
  flags: [
    flag('all', 'bool', 'Show all containers (default shows just running)', 'a'),
    flag('format', 'text', "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"),
    flag('no-stream', 'bool', 'Disable streaming stats and only pull the first result'),
    flag('no-trunc', 'bool', 'Do not truncate output'),
  ],
  operands: { min: 0, max: Number.POSITIVE_INFINITY },
  async run(context, flags, names) {
    for (const name of names) await inspectContainer(context.client, name)
    for (;;) {
      const rows = await sampled(context, names, flags.bool('all'), flags.bool('no-trunc'))
      const text = formatListing({ rows, titles, columns, key: 'ID' }, flags.text('format'), false)
      if (flags.bool('no-stream')) {
        context.stdout.write(text)
        return 0
      }
      // To the upper left corner; each line and the rest of the screen are cleared.
      context.stdout.write(`\u001B[H${text.replaceAll('\n', '\u001B[K\n')}\u001B[J`)
      if (rows.length === 0) await delay(1000)
    }
  },
}

async function sampled({ client }: Context, names: readonly string[], all: boolean, whole: boolean): Promise<Row[]> {
  const wanted = names.length > 0 ? names : (await listContainers(client, { all })).map(({ Id }) => Id)
  const samples = await Promise.all(wanted.map(async name => ({ name, stats: await sampleOf(client, name) })))
  return samples.flatMap(({ name, stats }) => (stats ? [rowOf(name, stats, whole)] : []))
}

async function sampleOf(client: Context['client'], name: string): Promise<ContainerStats | undefined> {
  try {
    return await containerStats(client, name)
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) return undefined
    throw error
  }
}

function rowOf(container: string, stats: ContainerStats, whole: boolean): Row {
  const { memory_stats: memory } = stats
  const limit = Number(memory.limit ?? 0)
  // What the kernel can drop at once is not counted, as docker does.
  const cache = memory.stats?.['total_inactive_file'] ?? memory.stats?.['inactive_file'] ?? 0n
  const usage = Number(memory.usage ?? 0) - (Number(cache) < Number(memory.usage ?? 0) ? Number(cache) : 0)
  const [received, sent] = networkBytes(stats)
  const [read, written] = blockBytes(stats)
  return {
    Container: container,
    ID: whole ? stats.id : shortId(stats.id),
    Name: stats.name.replace(/^\//, ''),
    CPUPerc: `${cpuPercent(stats).toFixed(2)}%`,
    MemUsage: `${binarySize(usage)} / ${binarySize(limit)}`,
    MemPerc: `${(limit > 0 ? (usage / limit) * 100 : 0).toFixed(2)}%`,
    NetIO: `${humanSize(received)} / ${humanSize(sent)}`,
    BlockIO: `${humanSize(read)} / ${humanSize(written)}`,
    PIDs: String(stats.pids_stats.current ?? 0),
  }
}

function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const used = Number(now.cpu_usage.total_usage) - Number(before.cpu_usage.total_usage)
  const passed = Number(now.system_cpu_usage ?? 0) - Number(before.system_cpu_usage ?? 0)
  const processors = now.online_cpus || now.cpu_usage.percpu_usage?.length || 0
  return used > 0 && passed > 0 ? (used / passed) * processors * 100 : 0
}

function networkBytes({ networks }: ContainerStats): [number, number] {
  const all = Object.values(networks ?? {})
  return [
    all.reduce((sum, { rx_bytes: bytes }) => sum + Number(bytes), 0),
    all.reduce((sum, { tx_bytes: bytes }) => sum + Number(bytes), 0),
  ]
}

function blockBytes({ blkio_stats: { io_service_bytes_recursive: entries } }: ContainerStats): [number, number] {
  const total = (letter: string) =>
    (entries ?? []).filter(({ op }) => op.startsWith(letter)).reduce((sum, { value }) => sum + Number(value), 0)
  return [total('r'), total('w')]
}
