// A probe that is a program in the container, run as an exec.

import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import { zero } from '../../api/decode.ts'
import { ExecCreateRequest } from '../../api/types/exec.ts'
import { goDuration } from '../../lib/duration.ts'
import type { Engine } from '../engine.ts'
import { createExec, launchExec } from '../exec.ts'
import { killExec } from '../init-process.ts'
import type { Container, Exec } from '../model.ts'
import { ProbeOutput } from './output.ts'
import type { Schedule } from './schedule.ts'
import type { Slots } from './slots.ts'

/** How a probe ended: 0 is healthy, -1 one that could not be run or took too long. */
export interface ProbeResult {
  readonly exitCode: number
  readonly output: string
}

/** What bounds a probe. */
export interface ProbeLimits {
  /** Milliseconds it may take once it runs. */
  readonly timeout: number
  /** Ends it. */
  readonly signal: AbortSignal
  readonly schedule: Schedule
  /** Processes that start at once: that is what costs the host something. */
  readonly starts: Slots
}

/** Milliseconds that a runtime has to start a probe. */
const longestStart = 30_000

/** Runs `argv` in the container as its own user, in its environment. Throws what exec throws. */
export async function runCommandProbe(
  engine: Engine,
  container: Container,
  argv: readonly string[],
  { timeout, signal, schedule, starts }: ProbeLimits,
): Promise<ProbeResult> {
  const output = new ProbeOutput()
  const { exec, collected } = await startProbe(engine, container, argv, output, { signal, schedule, starts })
  let late = false
  const kill = () => killProbe(exec)
  using _limit = schedule.after(timeout, () => {
    late = true
    kill()
  })
  signal.addEventListener('abort', kill, { once: true })
  if (signal.aborted) kill()
  const exitCode = await exec.ended.promise
  await collected
  if (!late) return { exitCode, output: output.toString() }
  const text = `Health check exceeded timeout (${goDuration(timeout * 1e6)})`
  return { exitCode: -1, output: output.toString() === '' ? text : `${text}: ${output}` }
}

async function startProbe(
  engine: Engine,
  container: Container,
  argv: readonly string[],
  output: ProbeOutput,
  { signal, schedule, starts }: Pick<ProbeLimits, 'signal' | 'schedule' | 'starts'>,
): Promise<{ exec: Exec; collected: Promise<unknown> }> {
  using slot = await starts.take(signal)
  const request = { ...zero(ExecCreateRequest), Cmd: [...argv], AttachStdout: true, AttachStderr: true }
  const exec = createExec(engine, container, request, { isProbe: true })
  const { attached, started } = await launchExec(engine, exec, [{ stdout: true, stderr: true }])
  const giveUp = () => {
    exec.shim?.giveUp()
    // Who waits for a place doesn't wait for this container's freezer or file system.
    slot[Symbol.dispose]()
  }
  signal.addEventListener('abort', giveUp, { once: true })
  using _limit = schedule.after(longestStart, giveUp)
  const collected = Promise.all(attached.map(stream => collect(stream, output)))
  await started
  return { exec, collected }
}

// Resolves when the stream has ended, however it ends: the shim closes it soon after the process's end.
async function collect(stream: Duplex, output: ProbeOutput): Promise<void> {
  stream.on('data', (chunk: Buffer) => output.take(chunk))
  await finished(stream, { writable: false }).catch(() => {})
  stream.destroy()
}

// What it started dies with it: probes that hang must not pile up.
function killProbe({ pid, container }: Exec): void {
  if (pid !== 0) killExec(pid, container.id)
}
