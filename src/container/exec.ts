// Processes added to a running container: POST /containers/{id}/exec, /exec/{id}/start, GET /exec/{id}/json.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import type { ExecCreateRequest, ExecInspect } from '../api/types/exec.ts'
import { GantryError, conflict, invalid, messageOf, notFound } from '../lib/errors.ts'
import { join as joinStreams } from '../lib/join.ts'
import { formatSpec } from '../oci/runtime-spec.ts'
import { type AttachFlags, type LaunchedShim, launchShim } from '../runtime/shim.ts'
import { detaching, parseDetachKeys } from './detach-keys.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { processFor } from './exec-process.ts'
import { openInit, signalIfThere } from './init-process.ts'
import { frameHeader } from './log-format.ts'
import type { Container, Exec, TerminalSize } from './model.ts'
import { shimIsLost } from './on-exit.ts'
import { containerPaths } from './paths.ts'
import { checkNotRestarting } from './pause.ts'
import { startError } from './start-error.ts'
import { execShimOptions } from './shim-options.ts'

/** Milliseconds for which the exit code of an ended exec can be asked for: as long as dockerd keeps it at least. */
const remembered = 5 * 60_000
/** Exit code of an exec that did not come to its runtime. */
const cannotStart = 126

/** Registers a process to be started later. Throws dockerd's errors, in which the container is called `name`. */
export function createExec(
  engine: Pick<Engine, 'ids' | 'events'>,
  container: Container,
  request: ExecCreateRequest,
  { name = container.id, isProbe = false }: { name?: string; isProbe?: boolean } = {},
): Exec {
  if ((request.Cmd ?? []).length === 0) throw invalid('No exec command specified')
  checkRunning(container, name)
  const detachKeys = detachKeysOf(request)
  const exec: Exec = {
    id: engine.ids.next(),
    container,
    request,
    detachKeys,
    phase: 'created',
    pid: 0,
    exitCode: null,
    isProbe,
    ended: Promise.withResolvers(),
    shim: undefined,
    size: undefined,
  }
  container.execs.set(exec.id, exec)
  execEvent(engine, exec, `exec_create: ${commandLine(request)}`)
  return exec
}

// dockerd words it otherwise than for attach.
function detachKeysOf({ DetachKeys: keys }: ExecCreateRequest) {
  try {
    return parseDetachKeys(keys)
  } catch {
    throw invalid(`Invalid escape keys (${keys}) provided`)
  }
}

function checkRunning(container: Container, name: string) {
  checkNotRestarting(container)
  if (!container.isRunning) throw conflict(`container ${container.id} is not running`)
  if (container.state.phase === 'paused') {
    throw conflict(`container ${name} is paused, unpause the container before exec`)
  }
}

const commandLine = (request: ExecCreateRequest) => (request.Cmd ?? []).join(' ')

function execEvent(engine: Pick<Engine, 'events'>, exec: Exec, action: string, more: Record<string, string> = {}) {
  containerEvent(engine, exec.container, action, { execID: exec.id, ...more })
}

/** The exec with this id; throws dockerd's notFound. */
export function findExec(engine: Pick<Engine, 'containers'>, id: string): Exec {
  for (const container of engine.containers.all()) {
    const exec = container.execs.get(id)
    if (exec) return exec
  }
  throw notFound(`No such exec instance: ${id}`)
}

/** Throws dockerd's conflicts for an exec that can't be started: it ran already, or its container doesn't run. */
export function checkExecStart(exec: Exec): void {
  if (exec.phase === 'running') throw conflict(`Error: Exec command ${exec.id} is already running`)
  if (exec.phase === 'ended') throw conflict(`Error: Exec command ${exec.id} has already run`)
  checkRunning(exec.container, exec.container.id)
}

/** Starts without a client; resolves once it runs. Throws if it can't be started. */
export async function startDetached(engine: Engine, exec: Exec): Promise<void> {
  await (await launchExec(engine, exec, [])).started
}

/** Starts with a client joined from the first byte; resolves when the streams have ended. */
export async function startAttached(engine: Engine, exec: Exec, client: Duplex): Promise<void> {
  const { AttachStdin: stdin, AttachStdout: stdout, AttachStderr: stderr, Tty: tty } = exec.request
  try {
    const { attached, started } = await launchExec(engine, exec, [{ stdin, stdout, stderr, closesStdin: true }])
    await started
    const terminal = stdin && tty ? detaching(client, exec.detachKeys) : client
    if (attached[0]) await joinStreams(terminal, attached[0], { input: stdin, endsWithInput: tty })
  } catch (error) {
    // The stream has begun, so that is where the client can read of it.
    const text = Buffer.from(`${messageOf(error)}\r\n`)
    client.end(tty ? text : Buffer.concat([frameHeader('stdout', text.length), text]))
  }
}

/** A process that was just launched. */
export interface LaunchedExec {
  /** Connections to its streams, one for each that was asked for. */
  readonly attached: readonly Duplex[]
  /** Resolves once it runs; rejects with dockerd's error if it cannot. */
  readonly started: Promise<void>
}

/** The file that tells a later daemon that an exec, whose directory this is, is a probe. */
export const probeMark = (directory: string) => join(directory, 'probe')

/** Launches an exec with clients for its streams from the first byte. Throws what makes that impossible. */
export async function launchExec(engine: Engine, exec: Exec, attach: readonly AttachFlags[]): Promise<LaunchedExec> {
  const directory = join(containerPaths(engine.settings, exec.container.id).execs, exec.id)
  exec.phase = 'running'
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const process = processFor(engine, exec.container, exec.request, exec.size)
    writeFileSync(join(directory, 'process.json'), formatSpec(process), { mode: 0o600 })
    if (exec.isProbe) writeFileSync(probeMark(directory), '')
    const shim = launchShim({ ...execShimOptions(engine, exec, directory), attach }, engine.settings.shim)
    exec.shim = shim.connection
    return { attached: shim.attached, started: follow(engine, exec, directory, shim) }
  } catch (error) {
    end(exec, directory, cannotStart)
    throw error
  }
}

async function follow(engine: Engine, exec: Exec, directory: string, shim: LaunchedShim): Promise<void> {
  try {
    const { pid } = await shim.connection.started
    exec.pid = pid
  } catch (error) {
    for (const stream of shim.attached) stream.destroy()
    throw failed(exec, directory, error)
  }
  execEvent(engine, exec, `exec_start: ${commandLine(exec.request)}`)
  onExecExit(engine, exec, directory, shim).catch((error: unknown) => {
    engine.log.error({ container: exec.container.id, exec: exec.id, error }, 'the end of an exec could not be settled')
  })
}

function failed(exec: Exec, directory: string, error: unknown): GantryError {
  const { kind, message, exitCode } = startError(error, exec.request.Cmd?.[0] ?? '')
  end(exec, directory, exitCode)
  return new GantryError(kind, `OCI runtime exec failed: ${message}`, { cause: error })
}

async function onExecExit(engine: Engine, exec: Exec, directory: string, shim: LaunchedShim) {
  using held = openInit(exec.pid, exec.container.id)
  const exit = await shim.connection.exited
  // Without its shim nobody would see the process end.
  if (!exit && held) signalIfThere(held, constants.signals.SIGKILL)
  const code = exit?.code ?? shimIsLost
  end(exec, directory, code)
  execEvent(engine, exec, 'exec_die', { exitCode: String(code) })
}

function end(exec: Exec, directory: string, code: number) {
  exec.phase = 'ended'
  exec.exitCode = code
  exec.pid = 0
  exec.shim = undefined
  forget(exec)
  rmSync(directory, { recursive: true, force: true })
  exec.ended.resolve(code)
}

function forget({ container, id, isProbe }: Exec) {
  if (isProbe) container.execs.delete(id)
  else setTimeout(() => container.execs.delete(id), remembered).unref()
}

/** Sets the size of the terminal, now or for when it starts. */
export function resizeExec(exec: Exec, size: TerminalSize): void {
  exec.size = size
  exec.shim?.resize(size.rows, size.columns)
}

/** The Engine API's view of an exec. */
export function inspectExec(exec: Exec): ExecInspect {
  const { request } = exec
  const [entrypoint = '', ...words] = request.Cmd ?? []
  return {
    ID: exec.id,
    Running: exec.phase === 'running',
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: request.Tty,
      entrypoint,
      arguments: words,
      privileged: request.Privileged,
      ...(request.User && { user: request.User }),
    },
    OpenStdin: request.AttachStdin,
    OpenStderr: request.AttachStderr,
    OpenStdout: request.AttachStdout,
    CanRemove: exec.phase === 'ended',
    ContainerID: exec.container.id,
    DetachKeys: Buffer.from(exec.detachKeys).toString('base64'),
    Pid: exec.pid,
  }
}
