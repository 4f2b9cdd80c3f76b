// POST /containers/{id}/stop: asks the container to end, and ends it when it doesn't.

import { constants } from 'node:os'
import { notModified } from '../lib/errors.ts'
import { isSignal, parseSignal, parseSignalToSend } from '../kernel/signals.ts'
import { within } from '../lib/within.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { settleStart } from './give-up.ts'
import { sendSignal } from './kill.ts'
import type { Container } from './model.ts'
import { resume } from './pause.ts'
import { cancelRestart, markStopped } from './restart-policy.ts'

const defaultTimeout = 10

/** How to stop: a signal's name or number, and seconds to wait before SIGKILL; negative waits for ever. */
export interface StopOptions {
  readonly signal?: string | undefined
  readonly timeout?: number | undefined
}

/**
 * Resolves once the container has exited; a start that is under way has the same time to come to its end. Throws
 * notModified if it isn't running.
 */
export async function stop(engine: Engine, container: Container, options: StopOptions = {}): Promise<void> {
  if (!container.isActive && !container.attempt) throw notModified('container is already stopped')
  await end(engine, container, options)
  containerEvent(engine, container, 'stop')
}

/** Ends a running container without telling that it was stopped; also a part of restart and forced removal. */
export async function end(engine: Engine, container: Container, options: StopOptions): Promise<void> {
  const { StopSignal, StopTimeout } = container.definition.config
  const signal = options.signal ? parseSignalToSend(options.signal) : parseSignal(StopSignal || 'SIGTERM')
  const timeout = options.timeout ?? StopTimeout ?? defaultTimeout
  const patience = timeout < 0 ? Number.POSITIVE_INFINITY : timeout * 1000
  markStopped(engine, container, true)
  await settleStart(engine, container, patience)
  if (container.state.phase === 'restarting') await cancelRestart(engine, container)
  if (!container.isRunning) return
  const gone = container.exited.next()
  // A configured one may be any number; a container whose signal there is not is killed in the end.
  if (isSignal(signal)) {
    sendSignal(container, signal)
    containerEvent(engine, container, 'kill', { signal: String(signal) })
  }
  await resume(engine, container)
  if (await within(patience, gone)) return
  sendSignal(container, constants.signals.SIGKILL)
  containerEvent(engine, container, 'kill', { signal: String(constants.signals.SIGKILL) })
  await gone
}
