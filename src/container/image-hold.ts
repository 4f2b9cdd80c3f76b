// The images of a container that is being created: nobody may take them away between their look-up and the container's row.

import { notFound } from '../lib/errors.ts'
import type { Engine } from './engine.ts'
import type { Definition } from './model.ts'

/** Keeps layers until it is disposed of, before which the container is kept or never will be. */
export interface ImageHold extends Disposable {
  /** Throws `notFound` if one of the images has been removed; to be called in the transaction that keeps the container. */
  check(): void
}

/** Holds the layers of a container's image and of those it mounts, so that they can be read until the images are checked. */
export function holdImages({ images, layers }: Pick<Engine, 'images' | 'layers'>, definition: Definition): ImageHold {
  const own = { id: definition.imageId, topLayer: definition.topLayer, name: definition.config.Image }
  const mounted = definition.mounts.flatMap(({ image, source }) => (image ? [{ ...image, name: source }] : []))
  const all = [own, ...mounted]
  const hold = layers.hold()
  for (const { topLayer } of all) if (topLayer !== undefined) hold.add(topLayer)
  return {
    check() {
      const gone = all.find(({ id }) => !images.get(id))
      if (gone) throw notFound(`No such image: ${gone.name}`)
    },
    [Symbol.dispose]() {
      hold[Symbol.dispose]()
      // What was removed meanwhile had to stay.
      if (all.some(({ id }) => !images.get(id))) images.collect()
    },
  }
}
