// A container's root file system as a tree that is attached nowhere yet, whoever else has it mounted.

import { constants } from 'node:fs'
import { Fd, openPath } from '../../kernel/descriptor.ts'
import { hasCode } from '../../kernel/ffi.ts'
import type { IdView } from '../../kernel/mount.ts'
import type { TreeView } from '../../kernel/tree-view.ts'
import type { Engine } from '../engine.ts'
import type { Container } from '../model.ts'
import { containerPaths } from '../paths.ts'
import { mountRootfs } from '../rootfs.ts'

/**
 * The root file system, without what is mounted in it. Where it is mounted already, in the shim or for someone who copies
 * files, this is the same mount: what two overlays on one upper directory see of each other is not defined. With `users`
 * it is a new one, that has their ids; who copies files is cut off. The caller holds the container's lock.
 */
export async function rootTree(
  engine: Pick<Engine, 'settings' | 'layers' | 'trees'>,
  container: Container,
  users?: IdView,
): Promise<Fd> {
  if (users) await Promise.all([...container.views].map(each => each.end()))
  const [view] = container.views
  if (view) return await cloneView(engine, view)
  using namespace = shimNamespace(container)
  if (!namespace) return mountRootfs(engine, container, users)
  return await clone(engine, namespace, containerPaths(engine.settings, container.id).rootfs)
}

// Who has it may be done with it meanwhile.
async function cloneView(engine: Pick<Engine, 'trees'>, view: TreeView): Promise<Fd> {
  using namespace = view.namespace.dup()
  using root = view.root.dup()
  return await clone(engine, namespace, root.number)
}

async function clone({ trees }: Pick<Engine, 'trees'>, namespace: Fd, path: string | number): Promise<Fd> {
  return new Fd(await trees.run({ kind: 'clone', namespace: namespace.number, path }))
}

// It may have ended a moment ago.
function shimNamespace({ live }: Container): Fd | undefined {
  if (!live) return undefined
  try {
    return openPath(`/proc/${live.shimPid}/ns/mnt`, constants.O_RDONLY)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
}
