// POST /containers/{id}/stop: asks the container to end, and ends it when it doesn't.

import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { notModified } from '../lib/errors.ts'
import { parseSignal } from '../kernel/signals.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { sendSignal } from './kill.ts'
import type { Container } from './model.ts'
import { resume } from './pause.ts'
import { cancelRestart, markStopped } from './restart-policy.ts'

const defaultTimeout = 10
// Timers take at most 2^31 milliseconds.
const longestDelay = 2 ** 31 - 1

/** How to stop: a signal's name or number, and seconds to wait before SIGKILL; negative waits for ever. */
export interface StopOptions {
  readonly signal?: string | undefined
  readonly timeout?: number | undefined
}

/** Resolves once the container has exited. Throws notModified if it isn't running. */
export async function stop(engine: Engine, container: Container, options: StopOptions = {}): Promise<void> {
  if (!container.isActive) throw notModified('container is already stopped')
  await end(engine, container, options)
  containerEvent(engine, container, 'stop')
}

/** Ends a running container without telling that it was stopped; also a part of restart and forced removal. */
export async function end(engine: Engine, container: Container, options: StopOptions): Promise<void> {
  const { StopSignal, StopTimeout } = container.definition.config
  const signal = parseSignal(options.signal || StopSignal || 'SIGTERM')
  const timeout = options.timeout ?? StopTimeout ?? defaultTimeout
  markStopped(engine, container, true)
  if (container.state.phase === 'restarting') await cancelRestart(engine, container)
  if (!container.isRunning) return
  const gone = container.exited.next()
  sendSignal(container, signal)
  containerEvent(engine, container, 'kill', { signal: String(signal) })
  await resume(engine, container)
  if (await endsWithin(gone, timeout)) return
  sendSignal(container, constants.signals.SIGKILL)
  containerEvent(engine, container, 'kill', { signal: String(constants.signals.SIGKILL) })
  await gone
}

async function endsWithin(gone: Promise<unknown>, seconds: number): Promise<boolean> {
  if (seconds < 0) return gone.then(() => true)
  const timer = new AbortController()
  const late = delay(Math.min(seconds * 1000, longestDelay), false, { signal: timer.signal }).catch(() => false)
  const inTime = await Promise.race([gone.then(() => true), late])
  timer.abort()
  return inTime
}
