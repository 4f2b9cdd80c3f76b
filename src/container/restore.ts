// What a new daemon does about the containers of the one before: asks their shims, and settles what is over.

import { readdirSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { O_PATH, openPath } from '../kernel/descriptor.ts'
import { pidfdGetFd, pidfdOpen, pidfdSignal } from '../kernel/pidfd.ts'
import { removeTree } from '../kernel/remove-tree.ts'
import { type FoundShim, connectShim } from '../runtime/shim.ts'
import type { Engine } from './engine.ts'
import { openInit } from './init-process.ts'
import type { Container } from './model.ts'
import { settleExit, watchExit } from './on-exit.ts'
import { containerPaths } from './paths.ts'
import { removeLocked } from './remove.ts'

/** Containers whose shim is gone: to be settled once the networks are up. */
export type Ended = readonly Container[]

/** Finds the running containers, and tells the network of theirs. Call before the networks start. */
export async function reconnect(engine: Engine): Promise<Ended> {
  const ended: Container[] = []
  for (const container of engine.containers.all()) {
    const found = await connectShim(containerPaths(engine.settings, container.id).run)
    if (!container.isRunning) {
      if (found) await abandon(container, found)
    } else if (found) await adopt(engine, container, found)
    else ended.push(container)
  }
  return ended
}

// Its start was never acknowledged.
async function abandon(container: Container, found: FoundShim): Promise<void> {
  const started = await found.connection.started.catch(() => undefined)
  using process = started && openInit(started.pid, container.id)
  if (process) pidfdSignal(process, constants.signals.SIGKILL)
  await found.ended
}

async function adopt(engine: Engine, container: Container, found: FoundShim): Promise<void> {
  const { sandbox } = container.state
  if (sandbox?.endpoint) {
    const { endpoint, ports } = sandbox
    await engine.networks.restore({ endpoint, ports, listeners: relayedSockets(container, found) })
  }
  const started = await found.connection.started
  container.state.pid = started.pid
  container.live = { shim: found.connection, pidfd: openInit(started.pid, container.id), ended: found.ended }
  watchExit(engine, container, container.live)
}

function relayedSockets(container: Container, { state }: FoundShim) {
  using shim = pidfdOpen(state.shimPid)
  const numbers = (container.state.sandbox?.ports ?? [])
    .filter(({ relayed }) => relayed)
    .map(({ reservation }) => state.reservations[reservation ?? -1])
  return numbers.filter(number => number !== undefined).map(number => pidfdGetFd(shim, number))
}

/** Settles what ended while no daemon was there, and sweeps what belongs to no container. Twice changes nothing more. */
export async function settleEnded(engine: Engine, ended: Ended): Promise<void> {
  for (const container of ended) {
    using _lock = await engine.locks.hold(container.id)
    await settleExit(engine, container, undefined)
  }
  for (const container of engine.containers.all()) {
    using _lock = await engine.locks.hold(container.id)
    if (container.definition.hostConfig.AutoRemove && !container.isRunning) await removeLocked(engine, container, true)
  }
  const isRunning = (id: string) => engine.containers.find(id)?.isRunning === true
  await sweepCgroups(engine, isRunning)
  sweep(join(engine.settings.execRoot, 'containers'), isRunning)
  const runtimes = join(engine.settings.execRoot, 'runtime')
  // crun keeps its compiled seccomp filters beside its containers.
  const keepState = (name: string) => !isId(name) || isRunning(name)
  for (const runtime of readdirSync(runtimes)) sweep(join(runtimes, runtime), keepState)
  sweep(join(engine.settings.dataRoot, 'containers'), id => engine.containers.find(id) !== undefined)
}

const isId = (name: string) => /^[0-9a-f]{64}$/.test(name)

function sweep(path: string, keep: (id: string) => boolean) {
  using directory = openPath(path, O_PATH)
  for (const name of readdirSync(path)) if (!keep(name)) removeTree(directory, name)
}

// Where a start was cut short between its runtime and its acknowledgement.
async function sweepCgroups(engine: Engine, keep: (id: string) => boolean): Promise<void> {
  const parent = `/${engine.settings.cgroupParent}`
  const names = engine.cgroups
    .at(parent)
    .directories()
    .flatMap(directory => readdirSync(directory))
  for (const id of new Set(names.filter(name => isId(name) && !keep(name)))) {
    await engine.cgroups.clear(`${parent}/${id}`)
  }
}
