// GET /containers/{id}/logs: the container's output as it was logged, and as it goes on.

import { watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import { parseTime, systemClock } from '../lib/clock.ts'
import { invalid, notImplemented } from '../lib/errors.ts'
import { Notice } from '../lib/notice.ts'
import { LogFiles } from '../logging/log-files.ts'
import { hasReadableLog } from './log-config.ts'
import type { Container } from './model.ts'

/** What of a log to show, and how. Times are nanoseconds since the Unix epoch. */
export interface LogQuery {
  readonly stdout: boolean
  readonly stderr: boolean
  readonly since: bigint | undefined
  readonly until: bigint | undefined
  /** How many lines from the end; all if undefined. */
  readonly tail: number | undefined
  readonly follow: boolean
  readonly timestamps: boolean
  readonly details: boolean
}

/** A line of a json-file log. */
interface Entry {
  readonly log: string
  readonly stream: string
  readonly time: string
  readonly attrs?: Record<string, string>
}

/** Throws dockerd's errors for a query that can't be answered. */
export function checkLogQuery(container: Container, query: LogQuery): void {
  if (!query.stdout && !query.stderr) throw invalid('Bad parameters: you must choose at least one stream')
  if (!hasReadableLog(container)) throw notImplemented('configured logging driver does not support reading')
}

/**
 * Writes the log at `path` to `out`: Docker's multiplexed frames, or bare text for a container with a terminal. With
 * `follow` it goes on until the container exits or `signal` is aborted.
 */
export async function writeLogs(
  container: Container,
  path: string,
  query: LogQuery,
  out: Writable,
  signal: AbortSignal,
): Promise<void> {
  await using files = await LogFiles.open(path, query.tail, query.follow)
  using growth = watchGrowth(container, path, query, signal)
  const format = formatter(query, container.definition.config.Tty === true)
  for (;;) {
    const ended = growth.ended
    const change = growth.changed.next()
    for (let lines = await files.read(); lines.length > 0; lines = await files.read()) {
      const { output, done } = format(lines)
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

function formatter(query: LogQuery, tty: boolean) {
  return (lines: Buffer[]) => {
    const output: Buffer[] = []
    for (const line of lines) {
      const entry = parseEntry(line)
      if (!entry) continue
      const time = query.since !== undefined || query.until !== undefined ? parseTime(entry.time) : undefined
      if (time !== undefined && query.since !== undefined && time < query.since) continue
      if (time !== undefined && query.until !== undefined && time > query.until) return { output, done: true }
      if (entry.stream === 'stderr' ? !query.stderr : !query.stdout) continue
      const text = Buffer.from(prefix(entry, query) + entry.log)
      if (!tty) output.push(frameHeader(entry.stream, text.length))
      output.push(text)
    }
    return { output, done: false }
  }
}

// A line cut short by a full disk is left out, as dockerd leaves it.
function parseEntry(line: Buffer): Entry | undefined {
  try {
    return JSON.parse(line.toString()) as Entry
  } catch {
    return undefined
  }
}

function prefix(entry: Entry, query: LogQuery): string {
  let text = ''
  if (query.timestamps) text += `${fixedTime(entry.time)} `
  if (query.details) text += `${detailsOf(entry.attrs ?? {})} `
  return text
}

// RFC 3339 with all nine digits, so that columns line up.
function fixedTime(time: string): string {
  const [seconds = '', fraction = ''] = time.replace(/Z$/, '').split('.')
  return `${seconds}.${fraction.padEnd(9, '0')}Z`
}

function detailsOf(attributes: Record<string, string>): string {
  return Object.keys(attributes)
    .toSorted()
    .map(key => `${queryEscape(key)}=${queryEscape(attributes[key] ?? '')}`)
    .join(',')
}

// As Go's url.QueryEscape has it.
function queryEscape(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed()).replaceAll('%20', '+')
  return escaped.replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** The header of a frame of Docker's multiplexed stream: 1 for stdout, 2 for stderr, and the length in bytes. */
export function frameHeader(stream: string, length: number): Buffer {
  const header = Buffer.alloc(8)
  header[0] = stream === 'stderr' ? 2 : 1
  header.writeUInt32BE(length, 4)
  return header
}

// False if the reader is gone.
async function write(out: Writable, output: Buffer[]): Promise<boolean> {
  if (out.destroyed) return false
  if (output.length === 0 || out.write(Buffer.concat(output))) return true
  const { promise, resolve } = Promise.withResolvers<void>()
  out.once('drain', resolve).once('close', resolve)
  await promise
  out.off('drain', resolve).off('close', resolve)
  return !out.destroyed
}
