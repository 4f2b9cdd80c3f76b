// A container's files as it sees them, mounted for as long as someone copies them: running or not, with its volumes.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { IdMap } from '../../lib/id-map.ts'
import { Fd } from '../../kernel/descriptor.ts'
import { openTree } from '../../kernel/mount.ts'
import type { IdView } from '../../kernel/mount.ts'
import type { TreeView } from '../../kernel/tree-view.ts'
import { conflict, notFound } from '../../lib/errors.ts'
import type { PlannedMount } from '../../runtime/mount-request.ts'
import { mountTree } from '../../runtime/mount-resolve.ts'
import type { Engine } from '../engine.ts'
import type { Container } from '../model.ts'
import { mountImage } from '../mounts/images.ts'
import { ownFilesOf } from '../network-files.ts'
import { usersOf } from '../user-namespace.ts'
import { rootTree } from './root-tree.ts'

/** What views are made with. */
export type ViewParts = Pick<Engine, 'settings' | 'layers' | 'trees' | 'volumes' | 'locks' | 'containers'>

/** Mounted until it is disposed of, which must not be before all who use its root have come to their end. */
export interface View extends Disposable, TreeView {
  /** The ids of the user namespace that sees the files so; undefined if they are as on the disk. */
  readonly shift: IdMap | undefined
  /** Aborted when the container needs its files for itself: who uses the view has to come to an end. */
  readonly signal: AbortSignal
}

interface Mount {
  readonly tree: Fd
  readonly destination: string
  readonly subpath: string
  readonly readonly: boolean
}

/**
 * Mounts a container's root file system and, with `volumes`, what is mounted in it: volumes, binds and images, but not what
 * only a running container has, such as /proc and tmpfs. Its root is read-only unless that is denied. Throws `notFound` if
 * the container is gone.
 */
export async function openView(
  engine: ViewParts,
  container: Container,
  { volumes, readonly = true }: { volumes: boolean; readonly?: boolean },
): Promise<View> {
  using _lock = await engine.locks.hold(container.id)
  if (engine.containers.find(container.id) !== container) throw notFound(`No such container: ${container.id}`)
  using stack = new DisposableStack()
  const users = stack.use(usersOf(container))
  const tree = stack.use(await rootTree(engine, container))
  using holds = new DisposableStack()
  const mounts: Mount[] = []
  if (volumes) {
    for await (const mount of mountsOf(engine, container, { users, holds }))
      mounts.push({ ...mount, tree: stack.use(mount.tree) })
  }
  const numbered = mounts.map(mount => ({ ...mount, tree: mount.tree.number }))
  const place = join(engine.settings.execRoot, 'containers')
  const made = await engine.trees.run({ kind: 'assemble', tree: tree.number, place, readonly, mounts: numbered })
  const view = { namespace: new Fd(made.namespace), root: new Fd(made.root), holds: holds.move() }
  return enlist(container, view, users?.map)
}

type Assembled = TreeView & { readonly holds: Disposable }

function enlist({ id, views }: Container, { namespace, root, holds }: Assembled, shift: IdMap | undefined): View {
  const ending = new AbortController()
  const ended = Promise.withResolvers<void>()
  const entry = {
    namespace,
    root,
    async end() {
      ending.abort(conflict(`container ${id} has been started`))
      await ended.promise
    },
  }
  views.add(entry)
  return {
    namespace,
    root,
    shift,
    signal: ending.signal,
    [Symbol.dispose]() {
      views.delete(entry)
      root.close()
      namespace.close()
      holds[Symbol.dispose]()
      ended.resolve()
    },
  }
}

const depth = ({ destination }: { destination: string }) => destination.split('/').length

/** What mounts are made with: `holds` gets those of the volumes. */
interface Mounting {
  readonly users: IdView | undefined
  readonly holds: DisposableStack
}

// What lies higher comes first.
async function* mountsOf(
  engine: ViewParts,
  container: Container,
  mounting: Mounting,
): AsyncGenerator<Mount, void, void> {
  const plans = container.definition.mounts.filter(({ type }) => type !== 'tmpfs')
  for (const plan of plans.toSorted((a, b) => depth(a) - depth(b))) yield await mountOf(engine, plan, mounting)
  for (const { source, destination } of ownFilesOf(engine, container)) {
    // They are made at the first start.
    if (existsSync(source)) yield { tree: openTree(source, { clone: true }), destination, subpath: '', readonly: false }
  }
}

async function mountOf(engine: ViewParts, plan: PlannedMount, { users, holds }: Mounting): Promise<Mount> {
  const tree = await mountTree(plan, {
    volumePath: async name => holds.use(await engine.volumes.hold(name)).path,
    imageTree: image => mountImage(engine, image, users),
    users: users?.namespace,
  })
  const subpath = plan.type === 'image' ? plan.subpath : ''
  return { tree, destination: plan.destination, subpath, readonly: !plan.rw && plan.type !== 'image' }
}
