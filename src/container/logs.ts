// GET /containers/{id}/logs: the container's output as it was logged, and as it goes on.

import { watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import { systemClock } from '../lib/clock.ts'
import { invalid, notFound, notImplemented } from '../lib/errors.ts'
import { Notice } from '../lib/notice.ts'
import { LogFiles } from '../logging/log-files.ts'
import type { Engine } from './engine.ts'
import { hasReadableLog } from './log-config.ts'
import { LogFormat, type LogQuery } from './log-format.ts'
import type { Container } from './model.ts'

/** Throws dockerd's error for a query without a stream. */
export function checkStreams({ stdout, stderr }: Pick<LogQuery, 'stdout' | 'stderr'>): void {
  if (!stdout && !stderr) throw invalid('Bad parameters: you must choose at least one stream')
}

/** Throws dockerd's error for a container whose log can't be shown. */
export function checkReadable(container: Container): void {
  if (!hasReadableLog(container)) throw notImplemented('configured logging driver does not support reading')
}

/**
 * Opens the log at `path` for what `query` asks: from here on, its being rotated or removed takes nothing away. To be
 * handed to writeLogs, which closes it. Throws notFound if the container is removed meanwhile.
 */
export async function openLog(
  { containers }: Pick<Engine, 'containers'>,
  container: Container,
  path: string,
  { tail, follow }: LogQuery,
): Promise<LogFiles> {
  const files = await LogFiles.open(path, tail, follow)
  // Its row goes before its files: as long as that is there, so was the log.
  if (containers.find(container.id) === container) return files
  await files[Symbol.asyncDispose]()
  throw notFound(`No such container: ${container.id}`)
}

/**
 * Writes a log, `opened` from `path`, to `out`: Docker's multiplexed frames, or bare text for a container with a terminal. With
 * `follow` it goes on until the container exits or `signal` is aborted.
 */
export async function writeLogs(
  container: Container,
  path: string,
  query: LogQuery,
  opened: LogFiles,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  await using files = opened
  using growth = watchGrowth(container, path, query, signal)
  const format = new LogFormat(query, container.definition.config.Tty === true)
  for (;;) {
    const ended = growth.ended
    const change = growth.changed.next()
    for (let lines = await files.read(); lines.length > 0; lines = await files.read()) {
      const { output, done } = format.show(lines)
      if (!(await write(out, output)) || done) return
    }
    if (ended || signal.aborted) return
    await change
  }
}

// `ended` is true once the container will write no more; `changed` tells of writes, of the end, and of a reader who left.
function watchGrowth(container: Container, path: string, { follow, until }: LogQuery, signal: AbortSignal) {
  const changed = new Notice<void>()
  const growth = { ended: !follow || !container.isRunning, changed, [Symbol.dispose]: () => {} }
  if (growth.ended) return growth
  const tell = () => changed.tell()
  const end = () => {
    growth.ended = true
    tell()
  }
  const watcher = watch(dirname(path), tell)
  // What can no longer be watched will not grow: the directory went with the container.
  watcher.on('error', end)
  const limit = until === undefined ? undefined : setTimeout(end, delayUntil(until))
  const stop = new AbortController()
  container.exited.next(stop.signal).then(end, () => {})
  signal.addEventListener('abort', tell)
  growth[Symbol.dispose] = () => {
    watcher.close()
    clearTimeout(limit)
    stop.abort()
    signal.removeEventListener('abort', tell)
  }
  return growth
}

// Timers take at most 2^31 milliseconds; past moments are at once.
const longestDelay = 2 ** 31 - 1

function delayUntil(moment: bigint): number {
  return Math.min(Math.max(0, Number((moment - systemClock.now()) / 1_000_000n) + 1), longestDelay)
}

// False if the reader is gone. The bytes may be used again afterwards.
async function write(out: Writable, output: Buffer): Promise<boolean> {
  if (out.destroyed || output.length === 0) return !out.destroyed
  const { promise, resolve } = Promise.withResolvers<void>()
  out.once('close', resolve)
  out.write(output, () => resolve())
  await promise
  out.off('close', resolve)
  return !out.destroyed
}
