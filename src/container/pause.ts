// POST /containers/{id}/pause and /unpause: freezes all processes of a container, and thaws them.

import { conflict } from '../lib/errors.ts'
import { cgroupOf } from './cgroup.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import type { Container, Live } from './model.ts'

/** Throws dockerd's conflict if a container is between two attempts of its restart policy. */
export function checkNotRestarting({ id, state }: Container): void {
  if (state.phase !== 'restarting') return
  throw conflict(`Container ${id} is restarting, wait until the container is running`)
}

/** Throws dockerd's conflict if the container isn't running, or is paused already. */
export async function pause(engine: Engine, container: Container): Promise<void> {
  using _lock = await engine.locks.hold(container.id)
  checkNotRestarting(container)
  if (container.state.phase === 'paused') throw conflict(`Container ${container.id} is already paused`)
  if (!container.isRunning) throw conflict(`container ${container.id} is not running`)
  await engine.cgroups.freeze(cgroupOf(engine, container))
  container.state.phase = 'paused'
  engine.health.leave(container)
  engine.containers.saveState(container)
  containerEvent(engine, container, 'pause')
}

/**
 * Freezes a container that runs until the result is disposed of, whatever comes between; one that its user has paused, or
 * that doesn't run, stays as it is. The state is not kept: a new daemon thaws what it finds frozen.
 */
export async function pausedFor(engine: Engine, container: Container): Promise<AsyncDisposable> {
  using _lock = await engine.locks.hold(container.id)
  const { live } = container
  if (!live || (live.freezes === 0 && container.state.phase !== 'running')) return { async [Symbol.asyncDispose]() {} }
  if (live.freezes === 0) {
    await engine.cgroups.freeze(cgroupOf(engine, container))
    container.state.phase = 'paused'
    containerEvent(engine, container, 'pause')
  }
  live.freezes++
  return { [Symbol.asyncDispose]: () => endFreeze(engine, container, live) }
}

async function endFreeze(engine: Engine, container: Container, live: Live): Promise<void> {
  using _lock = await engine.locks.hold(container.id)
  live.freezes--
  // A later run of the container was not frozen by this.
  if (live.freezes === 0 && container.live === live) await resume(engine, container)
}

/** Throws dockerd's conflict if the container isn't paused. */
export async function unpause(engine: Engine, container: Container): Promise<void> {
  using _lock = await engine.locks.hold(container.id)
  if (container.state.phase !== 'paused') throw conflict(`Container ${container.id} is not paused`)
  await resume(engine, container)
}

/** Thaws a container if it is paused. The caller holds its lock or is ending it. */
export async function resume(engine: Engine, container: Container): Promise<void> {
  if (container.state.phase !== 'paused') return
  await engine.cgroups.thaw(cgroupOf(engine, container))
  // What waited for it in the frozen state may have ended it by now.
  if (!isPaused(container)) return
  container.state.phase = 'running'
  engine.health.watch(container)
  engine.containers.saveState(container)
  containerEvent(engine, container, 'unpause')
}

const isPaused = ({ state }: Container) => state.phase === 'paused'
