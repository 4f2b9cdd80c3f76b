// Processes that a former daemon added to containers: they run on, and what they hold is given back when they end.

import { existsSync, readdirSync, rmSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../lib/errors.ts'
import { type FoundShim, connectShim } from '../runtime/shim.ts'
import type { Engine } from './engine.ts'
import { probeMark } from './exec.ts'
import { killExec, openInit, signalIfThere } from './init-process.ts'
import type { Container } from './model.ts'
import { containerPaths } from './paths.ts'

/** Follows each to its end, which for a probe is now. Clients cannot ask for them any more, as they cannot with dockerd. */
export async function adoptExecs(engine: Engine, container: Container): Promise<void> {
  const { execs } = containerPaths(engine.settings, container.id)
  if (!existsSync(execs)) return
  for (const id of readdirSync(execs)) {
    const directory = join(execs, id)
    try {
      const found = await connectShim(directory)
      if (found) takeOver(container, directory, found)
      else rmSync(directory, { recursive: true, force: true })
    } catch (error) {
      engine.log.error({ container: container.id, exec: id, error: messageOf(error) }, 'an exec is lost with its shim')
    }
  }
}

function takeOver(container: Container, directory: string, found: FoundShim): void {
  void follow(container, directory, found)
  // Its start was never acknowledged.
  if (found.state.phase === 'starting') found.connection.giveUp()
  // Who wanted its result has gone, and nobody else would end one that hangs.
  if (existsSync(probeMark(directory)))
    void found.connection.started.then(
      ({ pid }) => killExec(pid, container.id),
      () => {},
    )
}

async function follow(container: Container, directory: string, { connection, ended }: FoundShim): Promise<void> {
  const started = await connection.started.catch(() => undefined)
  using process = started && openInit(started.pid, container.id)
  const exit = await connection.exited
  if (!exit && process) signalIfThere(process, constants.signals.SIGKILL)
  await ended
  rmSync(directory, { recursive: true, force: true })
}
