// Overlays whose layers are seen by a user namespace as its own: the ids on disk stay as they are. Needs Linux 5.19.

import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { isWithin } from '../lib/paths.ts'
import { asFileOwner } from './credentials.ts'
import type { Fd } from './descriptor.ts'
import { hasCode } from './ffi.ts'
import { attachMount, mapIds, openTree, unmount } from './mount-tree.ts'
import { mountOverlay } from './overlay.ts'
import type { OverlayOptions } from './overlay-settings.ts'

/** A user namespace whose ids a mount is to have. */
export interface IdView {
  readonly namespace: Fd
  /** The namespace's root, as the host knows it. */
  readonly root: { readonly uid: number; readonly gid: number }
}

/** A detached copy of the mount at `source`, with the owners that `namespace` gives the ids on disk. Throws KernelError. */
export function mappedTree(source: string | Fd, namespace: Fd): Fd {
  using tree = openTree(source, { clone: true })
  mapIds(tree, namespace)
  return tree.dup()
}

/**
 * As mountOverlay, with the ids on disk shifted by `view`. Every directory has to be below one of `trees`, trusted
 * directories that hold no other mounts of interest; `upper` and `work` below the same.
 */
export function mountMappedOverlay(options: OverlayOptions, view: IdView, trees: readonly string[]): Fd {
  using mapped = new DisposableStack()
  const detached = trees.map(path => ({ path, tree: mapped.use(mappedTree(path, view.namespace)) }))
  // overlayfs makes its own files as who mounts it: the host's root is nobody in the mapped layers.
  const mount = (places: readonly Place[]) => asFileOwner(view.root, () => mountOverlay(movedTo(places, options)))
  try {
    return mount(detached.map(({ path, tree }) => ({ from: path, to: tree.path })))
  } catch (error) {
    if (!hasCode(error, 'EINVAL')) throw error
    // Before Linux 6.15 layers have to be on attached mounts.
    return mount(detached.map(({ path, tree }) => ({ from: path, to: mapped.use(attachSomewhere(tree)).path })))
  }
}

interface Place {
  readonly from: string
  readonly to: string
}

function movedTo(places: readonly Place[], options: OverlayOptions): OverlayOptions {
  const move = (path: string): string => {
    const place = places.find(({ from }) => isWithin(path, from))
    return place ? join(place.to, relative(place.from, path)) : path
  }
  const { upper, work } = options
  return {
    ...options,
    lower: options.lower.map(move),
    ...(upper !== undefined && { upper: move(upper) }),
    ...(work !== undefined && { work: move(work) }),
  }
}

function attachSomewhere(tree: Fd): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'gantry-layers-'))
  try {
    attachMount(tree, path)
  } catch (error) {
    rmdirSync(path)
    throw error
  }
  return {
    path,
    [Symbol.dispose]() {
      unmount(path, { detach: true })
      rmdirSync(path)
    },
  }
}
