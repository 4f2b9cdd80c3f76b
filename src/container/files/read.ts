// GET and HEAD /containers/{id}/archive, and GET /containers/{id}/export: a container's files as an archive.

import type { Writable } from 'node:stream'
import type { PathStat } from '../../content/tree/locate.ts'
import type { TreeTask } from '../../content/tree/pool.ts'
import type { ArchiveJob, ExportJob } from '../../content/tree/jobs.ts'
import { conflict } from '../../lib/errors.ts'
import { writeChunk } from '../../lib/streams.ts'
import type { Engine } from '../engine.ts'
import { containerEvent } from '../events.ts'
import type { Container } from '../model.ts'
import { type View, type ViewParts, openView } from './view.ts'

type Parts = ViewParts & Pick<Engine, 'events'>

/** A path of a container, as a client names it; `name` is what the client calls the container. */
export interface ContainerPath {
  readonly path: string
  readonly name: string
}

/** An archive that is made while it is written. It must be written, or what it holds stays. */
export interface Archive {
  /** Resolves when all is written; rejects, and frees all, if that fails or `signal` is aborted. */
  write(out: Writable, signal: AbortSignal): Promise<void>
}

/** What is at a path. Throws `notFound` in dockerd's words. */
export async function statPath(engine: Parts, container: Container, { path, name }: ContainerPath): Promise<PathStat> {
  using view = await openView(engine, container, { volumes: true })
  return await engine.trees.run({ kind: 'stat', root: view.root.number, path, container: name })
}

/** What is at a path, and an archive of it. Throws `notFound` in dockerd's words. */
export async function archivePath(
  engine: Parts,
  container: Container,
  { path, name }: ContainerPath,
): Promise<Archive & { readonly stat: PathStat }> {
  await using held = new AsyncDisposableStack()
  const view = held.use(await openView(engine, container, { volumes: true }))
  const { root, shift } = view
  const task = engine.trees.begin({ kind: 'archive', root: root.number, path, container: name, shift })
  held.defer(() => ended(task))
  const stat = await task.head
  containerEvent(engine, container, 'archive-path')
  return { stat, write: writerOf(task, view, held.move()) }
}

/** The whole root file system, without what is mounted in it. Throws dockerd's conflict if the container is going. */
export async function exportContainer(engine: Parts, container: Container): Promise<Archive> {
  const { phase } = container.state
  if (phase === 'dead') throw conflict(`You cannot export container ${container.id} which is Dead`)
  if (phase === 'removing') throw conflict(`You cannot export container ${container.id} which is being removed`)
  await using held = new AsyncDisposableStack()
  const view = held.use(await openView(engine, container, { volumes: false }))
  const task = engine.trees.begin({ kind: 'export', root: view.root.number, shift: view.shift })
  held.defer(() => ended(task))
  containerEvent(engine, container, 'export')
  return { write: writerOf(task, view, held.move()) }
}

type Task = TreeTask<ArchiveJob> | TreeTask<ExportJob>

// The view is needed until the thread has stopped working on it.
async function ended(task: Task): Promise<void> {
  task.cancel()
  await task.result.catch(() => {})
}

function writerOf(task: Task, view: View, held: AsyncDisposable): Archive['write'] {
  return async (out, signal) => {
    await using _held = held
    const stopped = AbortSignal.any([signal, view.signal])
    stopped.addEventListener('abort', () => task.cancel())
    for await (const chunk of task.bytes()) await writeChunk(out, chunk, stopped)
    await task.result
  }
}
