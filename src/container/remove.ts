// DELETE /containers/{id}: the row, then everything on disk.

import { constants } from 'node:os'
import { dirname } from 'node:path'
import { conflict, invalid } from '../lib/errors.ts'
import { dismissEarly } from './attach.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { settleStart } from './give-up.ts'
import { sendSignal } from './kill.ts'
import type { Container } from './model.ts'
import { containerPaths } from './paths.ts'
import { resume } from './pause.ts'
import { cancelRestart, markStopped } from './restart-policy.ts'

/** How to remove: running ones too, with their anonymous volumes. */
export interface RemoveOptions {
  readonly force: boolean
  readonly volumes: boolean
  /** The legacy links; none exist. */
  readonly link: boolean
}

/** Removes a container and frees its name. Throws dockerd's conflict for a running one without `force`. */
export async function remove(engine: Engine, container: Container, options: RemoveOptions): Promise<void> {
  if (options.link) throw invalid(`Cannot get parent / for name /${container.name}`)
  if (options.force) await settleStart(engine, container)
  while (!(await removeStopped(engine, container, options.volumes))) {
    if (!options.force) throw conflict(stillRunning(container))
    await endForGood(engine, container)
  }
}

// False if it runs; a start or a restart may have come first.
async function removeStopped(engine: Engine, container: Container, volumes: boolean): Promise<boolean> {
  if (container.isActive) return false
  using _lock = await engine.locks.hold(container.id)
  if (container.isActive) return false
  await removeLocked(engine, container, volumes)
  return true
}

function stillRunning(container: Container): string {
  const state = container.state.phase
  const advice =
    state === 'paused'
      ? 'container is paused and must be unpaused first'
      : `container is ${state}: stop the container before removing or force remove`
  return `cannot remove container "/${container.name}": ${advice}`
}

async function endForGood(engine: Engine, container: Container): Promise<void> {
  markStopped(engine, container, true)
  await settleStart(engine, container)
  if (container.state.phase === 'restarting') await cancelRestart(engine, container)
  if (!container.isRunning) return
  const gone = container.exited.next()
  sendSignal(container, constants.signals.SIGKILL)
  containerEvent(engine, container, 'kill', { signal: String(constants.signals.SIGKILL) })
  await resume(engine, container)
  await gone
}

/** Removes a container that does not run; the caller holds its lock. Does nothing the second time. */
export async function removeLocked(engine: Engine, container: Container, volumes: boolean): Promise<void> {
  if (engine.containers.find(container.id) !== container) return
  const { exitCode: code, oomKilled } = container.state
  container.state.phase = 'removing'
  await engine.forwarders.finish(container.id)
  await engine.compressors.forget(container.id)
  const paths = containerPaths(engine.settings, container.id)
  const unused = volumes ? unusedVolumes(engine, container) : []
  // The rows go first: files without a row are swept at the next start, a row without files would be a broken container.
  engine.containers.remove(container, () => engine.volumes.forget(unused))
  try {
    await engine.removeTree(dirname(paths.data), container.id)
    if (container.definition.storage) engine.projects.free(container.definition.storage)
    await engine.volumes.clear(unused)
  } finally {
    dismissEarly(container)
    containerEvent(engine, container, 'destroy')
    container.removed.tell({ code, oomKilled, error: '' })
    container.exited.tell({ code, oomKilled, error: '' })
  }
}

// Anonymous volumes that another container uses as well stay.
function unusedVolumes(engine: Engine, container: Container): string[] {
  const others = engine.containers.all().filter(other => other !== container)
  return container.definition.anonymousVolumes.filter(name => !others.some(other => usesVolume(other, name)))
}

/** True if a mount of the container is the volume called `name`. */
export function usesVolume(container: Container, name: string): boolean {
  return container.definition.mounts.some(mount => mount.type === 'volume' && mount.name === name)
}
