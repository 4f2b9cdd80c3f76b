// POST /containers/{id}/rename.

import { GantryError, invalid } from '../lib/errors.ts'
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
  using _lock = await engine.locks.hold(container.id)
  const before = container.name
  if (name.replace(/^\//, '') === before) {
    throw invalid('Renaming a container with the same name as its current name')
  }
  allocating(() => engine.containers.rename(container, parseName(`/${name.replace(/^\//, '')}`)))
  containerEvent(engine, container, 'rename', { oldName: `/${before}` })
}

// dockerd's words around what is wrong with the name.
function allocating(body: () => void) {
  try {
    body()
  } catch (error) {
    if (!(error instanceof GantryError)) throw error
    throw new GantryError(error.kind, `Error when allocating new name: ${error.message}`, { cause: error })
  }
}
