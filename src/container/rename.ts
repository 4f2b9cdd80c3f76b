// POST /containers/{id}/rename.

import { invalid } from '../lib/errors.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import type { Container } from './model.ts'
import { parseName } from './names.ts'

/** Gives a container, running or not, another name. Throws dockerd's errors for a bad or a taken one. */
export async function rename(
  engine: Pick<Engine, 'containers' | 'events' | 'locks'>,
  container: Container,
  name: string,
) {
  if (name === '') throw invalid('Neither old nor new names may be empty')
  const next = parseName(name)
  using _lock = await engine.locks.hold(container.id)
  const before = container.name
  if (next === before) throw invalid('Renaming a container with the same name as its current name')
  engine.containers.rename(container, next)
  containerEvent(engine, container, 'rename', { oldName: `/${before}` })
}
