// What happens when a container's process has ended: everything it held is given back, and everyone told.

import { rmSync } from 'node:fs'
import { formatTime, parseTime } from '../lib/clock.ts'
import { type Exit as ShimExit, readExitRecord } from '../runtime/shim.ts'
import { dismissEarly } from './attach.ts'
import { cgroupOf } from './cgroup.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import type { Container, Live } from './model.ts'
import { containerPaths } from './paths.ts'
import { removeLocked } from './remove.ts'
import { type StartAgain, isToRestart, scheduleRestart } from './restart-policy.ts'
import { networkEvent, volumeEvents } from './resource-events.ts'
import { runtimeState } from './shim-options.ts'

/** The exit code where no shim was left to see it: what remained of the container was killed. */
export const shimIsLost = 137
/** The exit code of a container that the host took down with it. */
export const hostIsDown = 255

/** Settles the container's end once its shim tells of it, or is lost; a restart policy uses `again`. */
export function watchExit(engine: Engine, container: Container, live: Live, again: StartAgain): void {
  settle(engine, container, live, again).catch((error: unknown) => {
    engine.log.error({ container: container.id, error }, 'the end of a container could not be settled')
  })
}

async function settle(engine: Engine, container: Container, live: Live, again: StartAgain): Promise<void> {
  const exit = await live.shim.exited
  await live.ended
  using _lock = await engine.locks.hold(container.id)
  live.pidfd?.close()
  await tolerate(engine, container, async () => live.volumes[Symbol.dispose]())
  container.live = undefined
  await settleExit(engine, container, exit, { unseen: shimIsLost, again })
}

/**
 * Settles an end: `exit` is what the shim told; without it, its record counts, and without that the code is `unseen`.
 * The restart policy uses `again`; without it none is heeded. The caller holds the lock.
 */
export async function settleExit(
  engine: Engine,
  container: Container,
  exit: ShimExit | undefined,
  { unseen, again }: { unseen: number; again?: StartAgain },
): Promise<void> {
  engine.health.leave(container)
  engine.forwarders.ended(container.id)
  engine.compressors.ended(container.id)
  await release(engine, container)
  const seen = exit ?? readExitRecord(containerPaths(engine.settings, container.id).exitRecord)
  recordExit(engine, container, seen, unseen)
  dismissEarly(container)
  giveUpExecs(container)
  const { exitCode: code, oomKilled, error } = container.state
  if (oomKilled) containerEvent(engine, container, 'oom')
  containerEvent(engine, container, 'die', { execDuration: String(runSeconds(container)), exitCode: String(code) })
  networkEvent(engine, container, 'disconnect')
  volumeEvents(engine, container, 'unmount')
  if (again && isToRestart(container)) scheduleRestart(engine, container, runSeconds(container), again)
  const remove = container.definition.hostConfig.AutoRemove && container.restarts === 0
  // Its removal waits for its output to be taken, but nobody who waits for its end does.
  if (remove && engine.forwarders.isSending(container.id)) container.exited.tell({ code, oomKilled, error })
  await tolerate(engine, container, async () => {
    if (remove) await removeLocked(engine, container, true)
    else engine.containers.saveState(container)
  })
  container.exited.tell({ code, oomKilled, error })
}

async function release(engine: Engine, container: Container): Promise<void> {
  const { sandbox } = container.state
  await tolerate(engine, container, async () => {
    if (sandbox?.endpoint) await engine.networks.disconnect(sandbox.endpoint)
  })
  await tolerate(engine, container, () => releaseRun(engine, container))
}

// Whatever cannot be given back or written down, the container has ended, and those who wait for that are told.
async function tolerate(engine: Engine, container: Container, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    engine.log.error({ container: container.id, error }, 'something of a container that ended is left behind')
  }
}

/** Gives back what a run of the container, finished or cut short, has on disk and among the cgroups. */
export async function releaseRun(engine: Engine, container: Container): Promise<void> {
  // Processes are left in it only if the shim was lost, or the container has the host's process ids.
  await engine.cgroups.clear(cgroupOf(engine, container))
  rmSync(runtimeState(engine, container), { recursive: true, force: true })
  rmSync(containerPaths(engine.settings, container.id).run, { recursive: true, force: true })
}

function recordExit(engine: Engine, container: Container, exit: ShimExit | undefined, unseen: number) {
  const { sandbox: _, changing: __, ...state } = container.state
  container.state = {
    ...state,
    phase: 'exited',
    pid: 0,
    exitCode: exit?.code ?? unseen,
    oomKilled: exit?.oomKilled ?? false,
    finishedAt: formatTime(exit?.finishedAt ?? engine.clock.now()),
  }
}

// They were for the run that is over. Those that run end with it, each by its own shim; a runtime that has not come to
// starting one by now won't.
function giveUpExecs({ execs }: Container) {
  for (const [id, { phase, shim }] of execs) {
    if (phase === 'created') execs.delete(id)
    shim?.giveUp()
  }
}

function runSeconds(container: Container): number {
  const { startedAt, finishedAt } = container.state
  const nanos = (parseTime(finishedAt) ?? 0n) - (parseTime(startedAt) ?? 0n)
  return Math.max(0, Math.floor(Number(nanos) / 1e9))
}
