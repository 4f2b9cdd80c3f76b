// GET /containers/{id}/stats: one sample, or one a second for as long as the client listens.

import type { Writable } from 'node:stream'
import { encodeExact } from '../../api/json.ts'
import type { ContainerStats } from '../../api/types/stats.ts'
import type { ApiVersion } from '../../api/version.ts'
import { invalid } from '../../lib/errors.ts'
import { writeChunk } from '../../lib/streams.ts'
import type { Container } from '../model.ts'
import { type Sampler, emptyStats } from './sampler.ts'

export interface StatsQuery {
  /** One sample after another, each with the one before it; else a single one. */
  readonly stream: boolean
  /** A single sample at once, without one before it. */
  readonly oneShot: boolean
  readonly version: ApiVersion
}

/** Throws dockerd's sentence for what can't be asked for together. */
export function checkStatsQuery({ stream, oneShot }: StatsQuery): void {
  if (stream && oneShot) throw invalid('cannot have stream=true and one-shot=true')
}

/** Writes the statistics, one JSON object a line; ends when the client goes or the container is removed. */
export async function writeStats(
  sampler: Sampler,
  container: Container,
  query: StatsQuery,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  const write = (stats: ContainerStats) => writeChunk(out, encodeExact(versioned(stats, query.version)), signal)
  if (!query.stream && !container.isRunning) return write(emptyStats(container))
  if (query.oneShot) return write(sampler.sample(container))
  // The first sample is there only to be compared with, unless all are shown.
  let before: ContainerStats | undefined
  for await (const sample of samples(sampler, container, signal)) {
    const shown = before && { ...sample, precpu_stats: before.cpu_stats, preread: before.read }
    const isFirst = before === undefined
    before = sample
    if (isFirst && !query.stream) continue
    await write(shown ?? sample)
    if (!query.stream) return
  }
}

const versioned = (stats: ContainerStats, version: ApiVersion): ContainerStats =>
  version.atLeast('1.52') ? { ...stats, os_type: 'linux' } : stats

/** Only the latest sample waits for a slow reader. Ends when the container is removed or `signal` is aborted. */
async function* samples(
  sampler: Sampler,
  container: Container,
  signal: AbortSignal,
): AsyncGenerator<ContainerStats, void> {
  let latest: ContainerStats | undefined
  let isOver = false
  let wake: (() => void) | undefined
  const end = () => {
    isOver = true
    wake?.()
  }
  const left = new AbortController()
  void container.removed.next(AbortSignal.any([signal, left.signal])).then(end, end)
  using _watching = sampler.watch(container, sample => {
    latest = sample
    wake?.()
  })
  try {
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      if (latest === undefined && !isOver) await promise
      if (isOver) return
      const sample = latest
      latest = undefined
      if (sample) yield sample
    }
  } finally {
    left.abort()
  }
}
