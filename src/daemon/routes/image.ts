// Handlers of the operations on images.

import { type Handlers, json, empty } from '../../api/handler.ts'
import type { Engine } from '../../container/engine.ts'
import { imageHistory, inspectImage } from '../../image/inspect.ts'
import { listImages } from '../../image/list.ts'
import { pruneImages, removeImage } from '../../image/remove.ts'
import { tagImage } from '../../image/tag.ts'

type Operation = 'ImageList' | 'ImageInspect' | 'ImageHistory' | 'ImageTag' | 'ImageDelete' | 'ImagePrune'

/** A handler for each operation on images. */
export function imageHandlers({ images }: Engine): Pick<Handlers, Operation> {
  return {
    async ImageList({ query }) {
      const filters = query.filter === '' ? query.filters : query.filters.with('reference', query.filter)
      return json(listImages(images, { all: query.all, filters, sharedSize: query['shared-size'] }))
    },
    ImageInspect: async ({ params }) => json(inspectImage(images, params.name)),
    ImageHistory: async ({ params }) => json(imageHistory(images, params.name)),
    async ImageTag({ params, query }) {
      tagImage(images, params.name, query.repo, query.tag)
      return empty(201)
    },
    async ImageDelete({ params, query }) {
      return json(removeImage(images, params.name, { force: query.force, noPrune: query.noprune }))
    },
    ImagePrune: async ({ query }) => json(pruneImages(images, query.filters)),
  }
}
