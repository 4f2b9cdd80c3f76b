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
 * directories without other mounts in them; `upper` and `work` below the same.
 */
export function mountMappedOverlay(options: OverlayOptions, view: IdView, trees: readonly string[]): Fd {
  using mapped = new DisposableStack()
  try {
    return mountAs(view, options, mapTrees(view, trees, mapped))
  } catch (error) {
    if (!hasCode(error, 'EINVAL')) throw error
    return mountMappedByAttaching(options, view, trees)
  }
}

/** As mountMappedOverlay, for kernels before 6.15, where layers have to be on attached mounts: for a moment they are. */
export function mountMappedByAttaching(options: OverlayOptions, view: IdView, trees: readonly string[]): Fd {
  using mapped = new DisposableStack()
  const places = mapTrees(view, trees, mapped).map(({ from, tree }) => ({
    from,
    tree,
    to: mapped.use(attachSomewhere(tree)).path,
  }))
  return mountAs(view, options, places)
}

const mapTrees = ({ namespace }: IdView, trees: readonly string[], mapped: DisposableStack) =>
  trees.map(from => {
    const tree = mapped.use(mappedTree(from, namespace))
    return { from, tree, to: tree.path }
  })

// overlayfs makes its own files as who mounts it, and the host's root is nobody in the mapped layers.
const mountAs = (view: IdView, options: OverlayOptions, places: readonly Place[]): Fd =>
  asFileOwner(view.root, () => mountOverlay(movedTo(places, options)))

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
