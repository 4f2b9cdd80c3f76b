// POST /containers/{id}/kill: a signal to the container's first process.

import { constants } from 'node:os'
import { conflict } from '../lib/errors.ts'
import { parseSignal } from '../kernel/signals.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { settleStart } from './give-up.ts'
import { signalIfThere } from './init-process.ts'
import type { Container } from './model.ts'
import { resume } from './pause.ts'
import { cancelRestart, markStopped } from './restart-policy.ts'

const { SIGKILL } = constants.signals

/** Milliseconds that a start which is under way has before a signal other than SIGKILL gives it up. */
const startPatience = 10_000

/**
 * Sends `signal` (a number) to a running container; after SIGKILL, resolves when it has exited. A signal that ends the
 * container reaches a paused one as well, and calls its restart policy off. A start that is under way is waited for, or
 * given up. Throws dockerd's conflict if it isn't running.
 */
export async function kill(engine: Engine, container: Container, signal: number): Promise<void> {
  const starts = container.attempt !== undefined
  await settleStart(engine, container, signal === SIGKILL ? 0 : startPatience)
  if (!container.isActive) {
    if (starts) return
    throw conflict(`container ${container.id} is not running`)
  }
  const ends = isMeantToEnd(container, signal)
  markStopped(engine, container, ends)
  if (container.state.phase === 'restarting') await cancelRestart(engine, container)
  if (!container.isRunning) return
  const waiting = new AbortController()
  const gone = container.exited.next(waiting.signal).catch(() => {})
  try {
    sendSignal(container, signal)
    containerEvent(engine, container, 'kill', { signal: String(signal) })
    if (ends) await resume(engine, container)
    if (signal === SIGKILL) await gone
  } finally {
    waiting.abort()
  }
}

// As dockerd has it: without a stop signal of its own, any signal may be how a container is ended.
function isMeantToEnd({ definition }: Container, signal: number): boolean {
  const { StopSignal } = definition.config
  return signal === SIGKILL || !StopSignal || parseSignal(StopSignal) === signal
}

/** Signals the first process, if there still is one. */
export function sendSignal(container: Container, signal: number): void {
  if (container.live?.pidfd) signalIfThere(container.live.pidfd, signal)
}
