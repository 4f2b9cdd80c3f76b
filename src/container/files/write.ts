// PUT /containers/{id}/archive: unpacks an archive into a directory of a container.

import { type Readable, addAbortSignal } from 'node:stream'
import { forbidden } from '../../lib/errors.ts'
import { isWithin } from '../../lib/paths.ts'
import { resolveUser } from '../../runtime/user.ts'
import type { Engine } from '../engine.ts'
import { containerEvent } from '../events.ts'
import type { Container } from '../model.ts'
import type { ContainerPath } from './read.ts'
import { type View, type ViewParts, openView } from './view.ts'

/** Where to, and how. */
export interface ExtractOptions extends ContainerPath {
  /** Refuse to replace a directory by something else, or something else by a directory. */
  readonly keepTypes: boolean
  /** Give everything to the user that the container runs as. */
  readonly asUser: boolean
}

/**
 * Unpacks `input`, compressed or not, into the directory at a path; what had been unpacked before a failure stays. Throws
 * dockerd's errors; `forbidden` for what the container itself may only read.
 */
export async function extractArchive(
  engine: ViewParts & Pick<Engine, 'events'>,
  container: Container,
  input: Readable,
  { path, name, keepTypes, asUser }: ExtractOptions,
): Promise<void> {
  const readonly = container.definition.hostConfig.ReadonlyRootfs
  await using held = new AsyncDisposableStack()
  const view = held.use(await openView(engine, container, { volumes: true, readonly }))
  const owner = asUser ? ownerOf(container, view) : undefined
  const { shift, signal } = view
  const place = { root: view.root.number, namespace: view.namespace.number, path, container: name }
  const task = engine.trees.begin({ kind: 'extract', ...place, keepTypes, owner, shift })
  // The view is needed until the thread has stopped working on it.
  held.defer(() => task.result.catch(() => {}))
  held.defer(() => task.cancel())
  checkWritable(container, await task.head)
  await task.feed(addAbortSignal(signal, input))
  await task.result
  containerEvent(engine, container, 'extract-to-dir')
}

// The mounts of the view are read-only as well: this is for the right words.
function checkWritable({ definition: { mounts, hostConfig } }: Container, path: string): void {
  const mount = mounts
    .filter(({ type, destination }) => type !== 'tmpfs' && isWithin(path, destination))
    .toSorted((a, b) => b.destination.length - a.destination.length)[0]
  if (mount && !mount.rw) throw forbidden('mounted volume is marked read-only')
  if (!mount && hostConfig.ReadonlyRootfs) throw forbidden('container rootfs is marked read-only')
}

function ownerOf({ definition: { config } }: Container, { root }: View) {
  if (config.User === '') return undefined
  const { uid, gid } = resolveUser(root, config.User, [])
  return { uid, gid }
}
