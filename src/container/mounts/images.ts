// Mounts of type image: the layers of an image as a read-only directory of a container.

import type { Fd } from '../../kernel/descriptor.ts'
import { type IdView, mountMappedOverlay, mountOverlay, mountTmpfs, setMountAttributes } from '../../kernel/mount.ts'
import { GantryError, invalid } from '../../lib/errors.ts'
import type { MountedImage, PlannedMount } from '../../runtime/mount-request.ts'
import type { Engine } from '../engine.ts'

/** Looks up the image that a planned mount names, if it does. Throws invalid for one that isn't there. */
export function withImage({ images }: Pick<Engine, 'images'>, plan: PlannedMount): PlannedMount {
  // What comes from another container has its image already.
  if (plan.type !== 'image' || plan.image) return plan
  try {
    const { id, topLayer } = images.resolve(plan.source)
    return { ...plan, image: { id, topLayer } }
  } catch (error) {
    if (!(error instanceof GantryError)) throw error
    // As notFound, clients would pull the image that the container is made from.
    throw invalid(`invalid mount config for type "image": ${error.message}`, { cause: error })
  }
}

/** The image's layers as one read-only tree, attached nowhere, with the owners that `users` has for it. */
export function mountImage({ layers }: Pick<Engine, 'layers'>, { topLayer }: MountedImage, users?: IdView): Fd {
  if (topLayer === undefined) return emptyTree()
  const lower = layers.chain(topLayer).map(layer => layers.path(layer))
  return users ? mountMappedOverlay({ lower }, users, [layers.home]) : mountOverlay({ lower })
}

function emptyTree(): Fd {
  const tree = mountTmpfs({ mode: '755', nr_inodes: '1' })
  setMountAttributes(tree, { readonly: true })
  return tree
}
