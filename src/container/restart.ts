// POST /containers/{id}/restart: stops a container if it runs, and starts it.

import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import type { Container } from './model.ts'
import { start } from './start.ts'
import { type StopOptions, end } from './stop.ts'

/** Resolves once the container runs again; one with AutoRemove is kept. Throws as start does. */
export async function restart(engine: Engine, container: Container, options: StopOptions): Promise<void> {
  container.restarts++
  try {
    if (container.isActive || container.attempt) await end(engine, container, options)
    await start(engine, container)
  } finally {
    container.restarts--
  }
  containerEvent(engine, container, 'restart')
}
