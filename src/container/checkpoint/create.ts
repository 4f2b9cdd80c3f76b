// POST /containers/{id}/checkpoints: the runtime has CRIU write the container's processes to disk.

import { constants, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openPath } from '../../kernel/descriptor.ts'
import { conflict, messageOf, system } from '../../lib/errors.ts'
import type { Engine } from '../engine.ts'
import { containerEvent } from '../events.ts'
import type { Container, Live } from '../model.ts'
import { containerPaths } from '../paths.ts'
import { helperEnvironment, runFile } from '../run-program.ts'
import { runtimeOf } from '../shim-options.ts'
import { markStopped } from '../restart-policy.ts'
import { type CheckpointReference, type Subject, beginCheckpoint } from './directory.ts'
import { reasonFor } from './reason.ts'

/** What to write where, and whether the container ends then. */
export interface CheckpointRequest extends CheckpointReference {
  readonly exit: boolean
}

/**
 * Writes a checkpoint of a running container; with `exit` it has ended when this resolves, and its restart policy leaves
 * it so. Throws dockerd's errors; the container runs on then.
 */
export async function createCheckpoint(engine: Engine, subject: Subject, request: CheckpointRequest): Promise<void> {
  const { container } = subject
  const waiting = new AbortController()
  const gone = container.exited.next(waiting.signal).catch(() => undefined)
  try {
    await createLocked(engine, subject, request)
    if (request.exit) await gone
  } finally {
    waiting.abort()
  }
  containerEvent(engine, container, 'checkpoint')
}

async function createLocked(engine: Engine, subject: Subject, request: CheckpointRequest): Promise<void> {
  const { container, reference } = subject
  using _lock = await engine.locks.hold(container.id)
  const { live } = container
  if (!container.isRunning || !live) throw conflict(`Container ${reference} not running`)
  const draft = await beginCheckpoint(engine, subject, request)
  // A probe is a process that CRIU does not know of.
  if (container.state.phase === 'running') engine.health.leave(container)
  try {
    await dump(engine, container, { live, images: draft.path, exit: request.exit })
    draft.publish()
  } catch (error) {
    await draft.discard()
    throw system(`Cannot checkpoint container ${reference}: ${messageOf(error)}`, { cause: error })
  } finally {
    if (container.state.phase === 'running') engine.health.watch(container)
  }
  if (request.exit) markStopped(engine, container, true)
}

interface Dump {
  readonly live: Live
  readonly images: string
  readonly exit: boolean
}

async function dump(engine: Engine, container: Container, { live, images, exit }: Dump): Promise<void> {
  const { run } = containerPaths(engine.settings, container.id)
  const { runtime, runtimeArguments, runtimeRoot } = runtimeOf(engine, container)
  const work = join(run, 'criu')
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { mode: 0o700 })
  using mounts = openPath(`/proc/${live.shimPid}/ns/mnt`, constants.O_RDONLY)
  const { shim } = engine.settings
  const global = [...runtimeArguments, '--root', runtimeRoot]
  const verb = ['checkpoint', '--image-path', images, '--work-path', work, ...(exit ? [] : ['--leave-running'])]
  const argv = ['gantry-shim', '--in-mounts', runtime, ...global, ...verb, container.id]
  const freezes = container.state.phase === 'running'
  if (freezes) containerEvent(engine, container, 'pause')
  const { status, stderr } = await runFile({ file: shim, argv, env: helperEnvironment(), fds: new Map([[3, mounts]]) })
  if (freezes && (!exit || status !== 0)) containerEvent(engine, container, 'unpause')
  if (status === 0) return
  throw system(await reasonFor({ runtime, runtimeArguments, log: join(work, 'dump.log'), words: stderr }))
}
