// Handlers of the operations on images.

import { Readable } from 'node:stream'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Handlers, empty, json, progress, stream } from '../../api/handler.ts'
import { progressError, progressLine } from '../../api/json.ts'
import type { imageRoutes } from '../../api/routes/image.ts'
import type { Platform } from '../../api/types/descriptor.ts'
import type { Engine } from '../../container/engine.ts'
import type { ProgressMessage } from '../../api/types/image.ts'
import { importImage } from '../../image/import.ts'
import { imageHistory, inspectImage } from '../../image/inspect.ts'
import { listImages } from '../../image/list.ts'
import { loadImages } from '../../image/load.ts'
import { pruneImages, removeImage } from '../../image/remove.ts'
import { saveImages } from '../../image/save.ts'
import { tagImage } from '../../image/tag.ts'
import { messageOf, notImplemented } from '../../lib/errors.ts'

/** A handler for each operation on images. */
export function imageHandlers({ images, events }: Engine): Pick<Handlers, keyof typeof imageRoutes> {
  return {
    async ImageList({ query }) {
      const filters = query.filter === '' ? query.filters : query.filters.with('reference', query.filter)
      return json(listImages(images, { all: query.all, filters, sharedSize: query['shared-size'] }))
    },

    async ImageCreate({ query, input }) {
      if (query.fromImage !== '') {
        throw notImplemented(
          `cannot pull ${query.fromImage}: Gantry does not pull images yet; use docker load or docker import`,
        )
      }
      if (query.fromSrc !== '-') {
        throw notImplemented(
          `cannot import from ${query.fromSrc}: send the archive itself, as in docker import - < archive.tar`,
        )
      }
      const { repo: repository, tag, message, changes, platform } = query
      return progress({
        async write(out, signal) {
          const report = (line: ProgressMessage) => void out.write(progressLine(line))
          await importImage(images, input, { source: '-', repository, tag, message, changes, platform, report, signal })
        },
      })
    },

    ImageLoad: async ({ query, input }) =>
      stream({
        contentType: 'application/json',
        write: (out, signal) => load(input, out, { quiet: query.quiet, platforms: query.platform, signal }),
      }),

    ImageInspect: async ({ params }) => json(inspectImage(images, params.name)),
    ImageHistory: async ({ params }) => json(imageHistory(images, params.name)),
    ImageGet: async ({ params, query }) => archive([params.name], query.platform),
    ImageGetAll: async ({ query }) => archive(query.names, query.platform),

    async ImageTag({ params, query }) {
      tagImage(images, params.name, query.repo, query.tag)
      return empty(201)
    },

    async ImageDelete({ params, query }) {
      return json(removeImage(images, params.name, { force: query.force, noPrune: query.noprune }))
    },

    async ImagePrune({ query }) {
      const report = pruneImages(images, query.filters)
      events.publish('image', 'prune', '', { reclaimed: String(report.SpaceReclaimed) })
      return json(report)
    },
  }

  // dockerd answers 200 before it reads, so a failure can only be told in the stream.
  async function load(
    input: Readable,
    out: Writable,
    options: { quiet: boolean; platforms: readonly Platform[]; signal: AbortSignal },
  ): Promise<void> {
    try {
      await loadImages(images, input, { ...options, report: line => void out.write(progressLine(line)) })
    } catch (error) {
      out.write(progressError(messageOf(error)))
    }
  }

  function archive(names: readonly string[], platforms: readonly Platform[]) {
    const pieces = saveImages(images, names, platforms)
    return progress({
      contentType: 'application/x-tar',
      write: (out, signal) => pipeline(Readable.from(pieces), out, { signal, end: false }),
    })
  }
}
