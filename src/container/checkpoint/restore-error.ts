// What to tell of a container that could not go on from a checkpoint.

import { join } from 'node:path'
import { type GantryError, messageOf, system } from '../../lib/errors.ts'
import { StartFailure } from '../../runtime/shim.ts'
import type { Engine } from '../engine.ts'
import type { Container } from '../model.ts'
import { containerPaths } from '../paths.ts'
import { runtimeOf } from '../shim-options.ts'
import { reasonFor } from './reason.ts'

/** The error of a restore, while what the attempt left is still there; one that no runtime gave stays as it is. */
export async function restoreError(engine: Engine, container: Container, error: unknown): Promise<unknown> {
  if (!(error instanceof StartFailure)) return error
  return await failure(engine, container, error)
}

async function failure(engine: Engine, container: Container, error: StartFailure): Promise<GantryError> {
  const { runtime, runtimeArguments } = runtimeOf(engine, container)
  const log = join(containerPaths(engine.settings, container.id).run, 'restore.log')
  const reason = await reasonFor({ runtime, runtimeArguments, log, words: messageOf(error) })
  return system(`Cannot restore container ${container.name}: ${reason}`, { cause: error })
}
