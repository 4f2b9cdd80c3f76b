// POST /containers/{id}/resize: the size of the container's terminal.

import { conflict } from '../lib/errors.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import type { Container, TerminalSize } from './model.ts'

/** Sets the terminal's size. Throws dockerd's conflict if the container isn't running. */
export function resize(engine: Pick<Engine, 'events'>, container: Container, size: TerminalSize): void {
  if (!container.live) throw conflict(`container ${container.id} is not running`)
  container.live.shim.resize(size.rows, size.columns)
  containerEvent(engine, container, 'resize', { height: String(size.rows), width: String(size.columns) })
}
