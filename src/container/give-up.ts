// Starts that do not come to their end, because the runtime hangs: whoever wants the container's end gives them up.

import { conflict } from '../lib/errors.ts'
import { within } from '../lib/within.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'

/**
 * Waits until no start of the container is under way: so many milliseconds for it to succeed, then it is given up, and
 * whoever waits for it gets a conflict. The caller doesn't hold the container's lock.
 */
export async function settleStart(engine: Pick<Engine, 'locks'>, container: Container, patience = 0): Promise<void> {
  const { attempt } = container
  if (!attempt) return
  const over = engine.locks.hold(container.id).then(lock => lock[Symbol.dispose]())
  if (patience > 0) await within(patience, over)
  attempt.abort(conflict(`container ${container.id} was not started: its end was asked for while it was starting`))
  await over
}
