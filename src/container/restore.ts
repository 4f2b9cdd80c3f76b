// What a new daemon does about the containers of the one before: asks their shims, and settles what is over.

import { existsSync } from 'node:fs'
import { messageOf } from '../lib/errors.ts'
import { within } from '../lib/within.ts'
import { pidfdGetFd, pidfdOpen } from '../kernel/pidfd.ts'
import { containerOf } from '../runtime/modes.ts'
import { type FoundShim, connectShim } from '../runtime/shim.ts'
import { cgroupOf } from './cgroup.ts'
import type { Engine } from './engine.ts'
import { openInit } from './init-process.ts'
import { tendLog } from './log-config.ts'
import type { Container, Live } from './model.ts'
import { hostIsDown, settleExit, shimIsLost, watchExit } from './on-exit.ts'
import { containerPaths } from './paths.ts'
import { removeLocked } from './remove.ts'
import { adoptExecs } from './restore-execs.ts'
import { sweepLeftovers } from './sweep.ts'
import { wantsRestart } from './restart-policy.ts'
import { start, startAgain } from './start.ts'
import { finishUpdate } from './update.ts'
import { adoptVolumes } from './volumes.ts'

/** What the daemon before left. */
export interface Inheritance {
  readonly running: ReadonlyMap<Container, Live>
  /** Were running; their shims are gone. */
  readonly ended: readonly Container[]
}

/** Finds the running containers, and tells the network of theirs. Call before the networks start. */
export async function reconnect(engine: Engine): Promise<Inheritance> {
  const running = new Map<Container, Live>()
  const ended: Container[] = []
  for (const container of engine.containers.all()) {
    const found = await findShim(engine, container)
    if (!container.isRunning) {
      if (found) await abandon(engine, container, found)
    } else if (found) running.set(container, await adopt(engine, container, found))
    else ended.push(container)
  }
  return { running, ended }
}

// One container whose shim is stuck is no reason for the daemon not to start.
async function findShim(engine: Engine, container: Container): Promise<FoundShim | undefined> {
  try {
    return await connectShim(containerPaths(engine.settings, container.id).run)
  } catch (error) {
    engine.log.error({ container: container.id, error: messageOf(error) }, 'a container is lost with its shim')
    return undefined
  }
}

// Its start was never acknowledged.
async function abandon(engine: Engine, container: Container, found: FoundShim): Promise<void> {
  found.connection.giveUp()
  await found.connection.started.catch(() => undefined)
  await engine.cgroups.at(cgroupOf(engine, container)).kill()
  await found.ended
}

async function adopt(engine: Engine, container: Container, found: FoundShim): Promise<Live> {
  const { sandbox } = container.state
  if (sandbox?.endpoint) {
    const { endpoint, ports } = sandbox
    await engine.networks.restore({ endpoint, ports, listeners: relayedSockets(container, found) })
  }
  await thawIfForgotten(engine, container)
  tryFinishUpdate(engine, container)
  const started = await found.connection.started
  container.state.pid = started.pid
  container.live = {
    shim: found.connection,
    shimPid: found.state.shimPid,
    pidfd: openInit(started.pid, container.id),
    ended: found.ended,
    volumes: adoptVolumes(engine, container),
    freezes: 0,
  }
  return container.live
}

// A commit that the end of the daemon cut short leaves it frozen, though nobody paused it.
async function thawIfForgotten(engine: Engine, container: Container): Promise<void> {
  const cgroup = engine.cgroups.at(cgroupOf(engine, container))
  if (container.state.phase === 'running' && cgroup.isFrozen()) await cgroup.thaw()
}

// That its processes use more by now is no reason to lose sight of them.
function tryFinishUpdate(engine: Engine, container: Container) {
  try {
    finishUpdate(engine, container)
  } catch (error) {
    engine.log.error(
      { container: container.id, error: messageOf(error) },
      'a container has limits that are not its own',
    )
  }
}

function relayedSockets(container: Container, { state }: FoundShim) {
  using shim = pidfdOpen(state.shimPid)
  const numbers = (container.state.sandbox?.ports ?? [])
    .filter(({ relayed }) => relayed)
    .map(({ reservation }) => state.reservations[reservation ?? -1])
  return numbers.filter(number => number !== undefined).map(number => pidfdGetFd(shim, number))
}

/**
 * Settles what ended while no daemon was there, watches what runs on, and sweeps what belongs to no container. Call
 * once the networks are up, and startWithDaemon afterwards. Twice changes nothing more.
 */
export async function settleInherited(engine: Engine, { running, ended }: Inheritance): Promise<void> {
  for (const [container, live] of running) watchExit(engine, container, live, startAgain)
  for (const container of running.keys()) {
    await adoptExecs(engine, container)
    if (container.live) engine.health.watch(container)
  }
  for (const container of ended) {
    using _lock = await engine.locks.hold(container.id)
    const unseen = existsSync(containerPaths(engine.settings, container.id).run) ? shimIsLost : hostIsDown
    await settleExit(engine, container, undefined, { unseen })
  }
  for (const container of engine.containers.all()) {
    using _lock = await engine.locks.hold(container.id)
    // The daemon that was to start it again is gone.
    if (container.state.phase === 'restarting') container.state.phase = 'exited'
    if (container.definition.hostConfig.AutoRemove && !container.isRunning) await removeLocked(engine, container, true)
  }
  // What ended may have left output that its collector doesn't have yet, and files to be compressed.
  for (const container of engine.containers.all()) tendLog(engine, container)
  engine.volumes.unmountUnused()
  await sweepLeftovers(engine)
}

/** Milliseconds that the API waits for containers to start with the daemon: a runtime that hangs must not keep it closed. */
const startPatience = 5000

/**
 * Starts the containers whose restart policy wants them to run; those that share another's namespaces come last.
 * Resolves once that is done, or has taken too long: then it goes on.
 */
export async function startWithDaemon(engine: Engine): Promise<void> {
  const wanted = engine.containers.all().filter(container => !container.isActive && isToStart(container))
  await within(startPatience, startAll(engine, wanted))
}

// One that was never started is nothing to start again.
function isToStart({ definition, state }: Container): boolean {
  return state.phase !== 'created' && wantsRestart(definition.hostConfig.RestartPolicy, state)
}

async function startAll(engine: Engine, wanted: readonly Container[]): Promise<void> {
  await Promise.all(wanted.filter(container => !joinsAnother(container)).map(container => tryStart(engine, container)))
  await Promise.all(wanted.filter(joinsAnother).map(container => tryStart(engine, container)))
}

function joinsAnother({ definition: { hostConfig } }: Container): boolean {
  return [hostConfig.NetworkMode, hostConfig.PidMode, hostConfig.IpcMode].some(mode => containerOf(mode) !== undefined)
}

async function tryStart(engine: Engine, container: Container): Promise<void> {
  try {
    await start(engine, container)
  } catch (error) {
    engine.log.warn({ container: container.id, error }, 'a container could not be started with the daemon')
  }
}
