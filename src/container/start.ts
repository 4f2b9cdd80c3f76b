// POST /containers/{id}/start: the steps from a definition to a running process, each with its undo.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatTime } from '../lib/clock.ts'
import { GantryError, conflict, notModified } from '../lib/errors.ts'
import { formatSpec } from '../oci/runtime-spec.ts'
import { type LaunchedShim, type Started, launchShim, mostStartClients } from '../runtime/shim.ts'
import { dismissEarly } from './attach.ts'
import { type CheckpointReference, findCheckpoint } from './checkpoint/directory.ts'
import { restoreError } from './checkpoint/restore-error.ts'
import { cgroupOf } from './cgroup.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { healthAtStart } from './health/state.ts'
import { openInit } from './init-process.ts'
import { tendLog } from './log-config.ts'
import { type Container, type EarlyAttach, type Live, freshState } from './model.ts'
import { type Connected, connectNetwork } from './network.ts'
import { releaseRun, watchExit } from './on-exit.ts'
import { writeNetworkFiles } from './network-files.ts'
import { Placements } from './mounts/placements.ts'
import { containerPaths } from './paths.ts'
import { removeLocked } from './remove.ts'
import { beginAnew } from './restart-policy.ts'
import { rootTree } from './files/root-tree.ts'
import { networkEvent, volumeEvents } from './resource-events.ts'
import { runtimeState, shimOptions } from './shim-options.ts'
import { letIn, prepareUsers } from './user-namespace.ts'
import { specFor } from './spec.ts'
import { type HeldVolumes, holdVolumes } from './volumes.ts'
import { startError } from './start-error.ts'

/**
 * Starts a container, or lets it go on from a checkpoint. Throws notModified if it runs already; after any failure nothing of
 * the attempt is left.
 */
export async function start(engine: Engine, container: Container, checkpoint?: CheckpointReference): Promise<void> {
  using _lock = await engine.locks.hold(container.id)
  checkStartable(container)
  const images = checkpoint && findCheckpoint(engine, { container, reference: `/${container.name}` }, checkpoint)
  beginAnew(container)
  await startLocked(engine, container, images)
}

/** An attempt of the container's restart policy; nothing if it was called off. Throws as start does, and is the last then. */
export async function startAgain(engine: Engine, container: Container): Promise<void> {
  using _lock = await engine.locks.hold(container.id)
  if (container.state.phase === 'restarting') await startLocked(engine, container)
}

async function startLocked(engine: Engine, container: Container, images?: string): Promise<void> {
  container.attempt = new AbortController()
  try {
    await launch(engine, container, { images, givenUp: container.attempt.signal })
  } catch (error) {
    throw await recordFailure(engine, container, error)
  } finally {
    container.attempt = undefined
  }
  engine.health.watch(container)
  networkEvent(engine, container, 'connect')
  volumeEvents(engine, container, 'mount')
  containerEvent(engine, container, 'start')
}

function checkStartable(container: Container) {
  const { phase } = container.state
  if (phase === 'paused') throw conflict('cannot start a paused container, try unpause instead')
  if (phase === 'running' || phase === 'restarting') throw notModified('container is already running')
  if (phase === 'removing' || phase === 'dead') {
    throw conflict('container is marked for removal and cannot be started')
  }
}

interface Attempt {
  /** Of a checkpoint to go on from. */
  readonly images: string | undefined
  readonly givenUp: AbortSignal
}

async function launch(engine: Engine, container: Container, { images, givenUp }: Attempt): Promise<void> {
  await using undo = new AsyncDisposableStack()
  const paths = containerPaths(engine.settings, container.id)
  mkdirSync(paths.rootfs, { recursive: true, mode: 0o700 })
  undo.defer(() => releaseRun(engine, container))
  rmSync(paths.exitRecord, { force: true })
  using users = await prepareUsers(engine, container)
  if (users) letIn(paths.run, users)
  using rootfs = await rootTree(engine, container, users)
  const network = undo.use(await connectNetwork(engine, container, users?.network))
  writeNetworkFiles(engine, container, network)
  using placements = new Placements(paths.run)
  const volumes = undo.use(await holdVolumes(engine, container))
  const spec = await specFor(engine, container, { rootfs, network, users, placements, volumes })
  const { path: runtime } = engine.runtimes.get(container.definition.hostConfig.Runtime ?? '')
  const config = formatSpec(engine.seccompCache.apply(spec, runtime))
  writeFileSync(join(paths.run, 'config.json'), config, { mode: 0o600 })
  // More than a shim takes are joined once it runs: they may miss its first words.
  const early = [...container.early].slice(0, mostStartClients)
  const attach = early.map(({ flags }) => flags)
  const own = shimOptions(engine, container, { rootfs, network, users, images })
  const options = { ...own, ...placements.shimOptions, attach }
  givenUp.throwIfAborted()
  const shim = launchShim(options, engine.settings.shim)
  undo.defer(async () => {
    await engine.cgroups.at(cgroupOf(engine, container)).kill()
    await shim.ended
  })
  // The shim has its own copies now: ours would keep the network alive after it.
  network.handOver()
  joinEarly(container, early, shim)
  const started = await startedOrGivenUp(shim, givenUp).catch(async (error: unknown) => {
    throw images === undefined ? error : await restoreError(engine, container, error)
  })
  engine.seccompCache.learn(spec, runtime, runtimeState(engine, container))
  recordRunning(engine, container, shim, started, { network, volumes })
  undo.move()
}

// Rejects with the reason for giving it up, if that is why it did not start.
async function startedOrGivenUp({ connection }: LaunchedShim, givenUp: AbortSignal): Promise<Started> {
  const giveUp = () => connection.giveUp()
  givenUp.addEventListener('abort', giveUp)
  try {
    return await connection.started
  } catch (error) {
    throw givenUp.aborted ? givenUp.reason : error
  } finally {
    givenUp.removeEventListener('abort', giveUp)
  }
}

function joinEarly(container: Container, early: readonly EarlyAttach[], shim: LaunchedShim) {
  for (const [index, client] of early.entries()) {
    container.early.delete(client)
    client.take(shim.attached[index])
  }
}

interface Held {
  readonly network: Connected
  readonly volumes: HeldVolumes
}

function recordRunning(
  engine: Engine,
  container: Container,
  shim: LaunchedShim,
  started: Started,
  { network, volumes }: Held,
) {
  const before = container.state
  container.state = {
    ...freshState(),
    phase: 'running',
    pid: started.pid,
    startedAt: formatTime(started.startedAt),
    finishedAt: container.state.finishedAt,
    restartCount: container.state.restartCount,
    stoppedByUser: container.endAsked,
    sandbox: { endpoint: network.endpoint, ports: network.ports },
    ...healthAtStart(container),
  }
  try {
    engine.containers.saveState(container, () => engine.images.used(container.definition.imageId))
  } catch (error) {
    container.state = before
    throw error
  }
  const live: Live = {
    shim: shim.connection,
    shimPid: shim.pid,
    pidfd: openInit(started.pid, container.id),
    ended: shim.ended,
    volumes,
    freezes: 0,
  }
  container.live = live
  tendLog(engine, container)
  watchExit(engine, container, live, startAgain)
  // Those who came while it was starting.
  for (const { flags, take } of container.early) live.shim.attach(flags).then(take, () => take(undefined))
  container.early.clear()
}

// What inspect says of a failed start, and what the client is told.
async function recordFailure(engine: Engine, container: Container, error: unknown): Promise<GantryError> {
  if (error instanceof GantryError && error.kind === 'notModified') return error
  const failure = startError(error, container.definition.argv[0] ?? '')
  const givesUp = container.state.phase === 'restarting'
  container.state.error = failure.message
  container.state.exitCode = failure.exitCode
  if (givesUp) container.state.phase = 'exited'
  engine.containers.saveState(container)
  dismissEarly(container)
  engine.log.debug({ container: container.id, error }, 'container failed to start')
  if (container.definition.hostConfig.AutoRemove) await removeLocked(engine, container, true)
  else if (givesUp) container.exited.tell({ code: failure.exitCode, oomKilled: false, error: failure.message })
  return new GantryError(failure.kind, failure.message, { cause: error })
}
