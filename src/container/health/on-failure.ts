// What is done about a container that has become unhealthy, if its label asks for anything.

import { constants } from 'node:os'
import type { Engine } from '../engine.ts'
import { containerEvent } from '../events.ts'
import { sendSignal } from '../kill.ts'
import type { Container } from '../model.ts'
import { restart } from '../restart.ts'
import { stop } from '../stop.ts'
import { type FailureAction, failureAction } from './labels.ts'

const { SIGKILL } = constants.signals

const deeds: Readonly<Record<FailureAction, (engine: Engine, container: Container) => Promise<void>>> = {
  async none() {},
  // Not asked for by a user: its restart policy answers it.
  async kill(engine, container) {
    sendSignal(container, SIGKILL)
    containerEvent(engine, container, 'kill', { signal: String(SIGKILL) })
  },
  restart: (engine, container) => restart(engine, container, {}),
  stop: (engine, container) => stop(engine, container),
}

/** Does what the container's label says, in its own time; what goes wrong is logged. */
export function actOnFailure(engine: Engine, container: Container): void {
  const action = failureAction(container.definition.config.Labels)
  deeds[action](engine, container).catch((error: unknown) => {
    engine.log.warn({ container: container.id, action, error }, 'an unhealthy container was not dealt with')
  })
}
