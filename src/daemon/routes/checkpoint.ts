// Handlers of the operations on checkpoints, which dockerd has in its experimental mode only.

import { type Handlers, empty, json } from '../../api/handler.ts'
import type { checkpointRoutes } from '../../api/routes/checkpoint.ts'
import { createCheckpoint } from '../../container/checkpoint/create.ts'
import { listCheckpoints, removeCheckpoint } from '../../container/checkpoint/directory.ts'
import type { Engine } from '../../container/engine.ts'
import { notImplemented } from '../../lib/errors.ts'

/** A handler for each operation on checkpoints. */
export function checkpointHandlers(engine: Engine): Pick<Handlers, keyof typeof checkpointRoutes> {
  const subject = (reference: string) => {
    if (!engine.settings.experimental) {
      throw notImplemented(
        'This experimental feature is disabled by default. Start the Docker daemon in experimental mode in order to enable it.',
      )
    }
    return { container: engine.containers.get(reference), reference }
  }
  return {
    CheckpointList: async ({ params, query }) => json(listCheckpoints(engine, subject(params.name), query.dir)),

    async CheckpointCreate({ params, body }) {
      const { CheckpointID: name, CheckpointDir: directory, Exit: exit } = body
      await createCheckpoint(engine, subject(params.name), { name, directory, exit })
      return empty(201)
    },

    async CheckpointDelete({ params, query }) {
      await removeCheckpoint(engine, subject(params.name), { name: params.checkpoint, directory: query.dir })
      return empty()
    },
  }
}
