// POST /containers/{id}/kill: a signal to the container's first process.

import { conflict } from '../lib/errors.ts'
import { constants } from 'node:os'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { signalIfThere } from './init-process.ts'
import type { Container } from './model.ts'

/** Sends `signal` (a number) to a running container. Throws dockerd's conflict if it isn't running. */
export function kill(engine: Pick<Engine, 'events' | 'containers'>, container: Container, signal: number): void {
  if (!container.isRunning) {
    throw conflict(`cannot kill container: ${container.id}: container ${container.id} is not running`)
  }
  if (signal === constants.signals.SIGKILL || signal === constants.signals.SIGTERM) container.state.stoppedByUser = true
  sendSignal(container, signal)
  containerEvent(engine, container, 'kill', { signal: String(signal) })
}

/** Signals the first process, if there still is one. */
export function sendSignal(container: Container, signal: number): void {
  if (container.live?.pidfd) signalIfThere(container.live.pidfd, signal)
}
