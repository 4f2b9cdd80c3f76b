// Starting shims, and finding those that a former daemon started.

import { existsSync, readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { lockFile } from '../kernel/lock.ts'
import { pidfdOpen } from '../kernel/pidfd.ts'
import { socketPair, spawn } from '../kernel/spawn.ts'
import { system } from '../lib/errors.ts'
import { ShimConnection, type ShimState, openSocket, socketOf } from './shim-connection.ts'
import { type ShimOptions, shimCommand } from './shim-options.ts'
import { childEnded, processEnded } from './shim-process.ts'
import { type Exit, exitOf, parseFields } from './shim-protocol.ts'

export type { ShimConnection, ShimState, Started } from './shim-connection.ts'
export { StartFailure } from './shim-failure.ts'
export { mostStartClients } from './shim-options.ts'
export type { PlacedMount, ShimLog, ShimOptions } from './shim-options.ts'
export type { AttachFlags, Exit } from './shim-protocol.ts'

/** gantry-shim as `script/bootstrap` builds it in a checkout. */
export const shimProgram = fileURLToPath(new URL('../../build/gantry-shim', import.meta.url))

/** A shim that was just started: its container is about to start. */
export interface LaunchedShim {
  readonly connection: ShimConnection
  /** The shim's own process. */
  readonly pid: number
  /** The clients of `options.attach`, in that order. They get the container's first byte. */
  readonly attached: readonly Socket[]
  /**
   * Resolves to its exit status (0 after a container that ran, 3 after one that did not start, 128 + signal) when the
   * process is gone and reaped: mounts, network namespace and reservations are free.
   */
  readonly ended: Promise<number>
}

/** A shim that was found running. */
export interface FoundShim {
  readonly connection: ShimConnection
  readonly state: ShimState
  /** Resolves when the process is gone: mounts, network namespace and reservations are free. */
  readonly ended: Promise<void>
}

/** Starts a shim, which starts the container at once: await `connection.started`. Throws KernelError. */
export function launchShim(options: ShimOptions, program: string = shimProgram): LaunchedShim {
  using cleanup = new DisposableStack()
  const pair = (): [ours: Fd, theirs: Fd] => {
    const [ours, theirs] = socketPair()
    return [cleanup.use(ours), cleanup.use(theirs)]
  }
  const [control, theirControl] = pair()
  const pairs = (options.attach ?? []).map(pair)
  const lock = cleanup.use(takeLock(options.runDir))
  const command = shimCommand(options, { lock, control: theirControl, attached: pairs.map(([, theirs]) => theirs) })
  const { fds, env } = command
  const pid = spawn({ file: program, argv: ['gantry-shim', ...command.arguments], env, fds, session: true })
  const connection = new ShimConnection(socketOf(control), options.runDir)
  const attached = pairs.map(([ours]) => socketOf(ours))
  return { connection, pid, attached, ended: connection.closed.then(() => childEnded(pid)) }
}

function takeLock(runDir: string): Fd {
  const lock = lockFile(lockOf(runDir))
  if (lock) return lock
  throw system(`another shim is at work in ${runDir}`)
}

// As long as a shim lives, the file is locked: it may not listen yet, or not any more.
const lockOf = (runDir: string) => join(runDir, 'lock')

/** In milliseconds: longer than a shim takes to listen, or to let go of clients that do not read. */
const patience = 15_000

/**
 * Finds the shim of a run dir; undefined if there is none any more: then its exit record tells the rest. Throws if there
 * is one that does not answer.
 */
export async function connectShim(runDir: string): Promise<FoundShim | undefined> {
  const end = performance.now() + patience
  for (let pause = 1; ; pause = Math.min(2 * pause, 100)) {
    const found = await connectOnce(runDir)
    if (found || !isHeld(runDir)) return found
    if (performance.now() > end) throw system(`the shim in ${runDir} does not answer`)
    await sleep(pause)
  }
}

function isHeld(runDir: string): boolean {
  if (!existsSync(lockOf(runDir))) return false
  const lock = lockFile(lockOf(runDir))
  lock?.close()
  return lock === undefined
}

async function connectOnce(runDir: string): Promise<FoundShim | undefined> {
  const socket = await openSocket(runDir).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT', 'ECONNREFUSED', 'ECONNRESET')) return undefined
    throw error
  })
  if (!socket) return undefined
  const connection = new ShimConnection(socket, runDir)
  const state = await connection.greeting().catch(() => undefined)
  return state && { connection, state, ended: foundEnded(connection, state.shimPid) }
}

async function foundEnded(connection: ShimConnection, pid: number): Promise<void> {
  using shim = pidfdOpen(pid)
  await connection.closed
  await processEnded(shim, pid)
}

/** The exit that a shim recorded; undefined if there is no record. Throws other errors of reading. */
export function readExitRecord(path: string): Exit | undefined {
  try {
    return exitOf(parseFields(readFileSync(path, 'utf8')))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
