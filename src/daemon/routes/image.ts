// Handlers of the operations on images.

import { Readable } from 'node:stream'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Handlers, empty, json, progress, stream } from '../../api/handler.ts'
import { progressError, progressLine } from '../../api/json.ts'
import type { imageRoutes } from '../../api/routes/image.ts'
import type { Platform } from '../../api/types/descriptor.ts'
import type { Engine } from '../../container/engine.ts'
import type { Credentials } from '../../distribution/remote.ts'
import { parsePlatform } from '../../oci/platform.ts'
import type { ProgressMessage } from '../../api/types/image.ts'
import { attestations } from '../../image/attestations.ts'
import { importImage } from '../../image/import.ts'
import { imageHistory, inspectImage } from '../../image/inspect.ts'
import { listImages } from '../../image/list.ts'
import { loadImages } from '../../image/load.ts'
import { descriptorOf, manifestSummaries } from '../../image/manifests.ts'
import { pushImages, pushedReference } from '../../image/push.ts'
import { pullImages, pulledReference } from '../../image/pull.ts'
import { pruneImages, removeImage, removeVariants } from '../../image/remove.ts'
import { inspectRemote, inspectedReference } from '../../image/remote-inspect.ts'
import { saveImages } from '../../image/save.ts'
import { tagImage } from '../../image/tag.ts'
import type { ApiVersion } from '../../api/version.ts'
import { invalid, messageOf, notImplemented } from '../../lib/errors.ts'
import type { Digest } from '../../oci/digest.ts'
import { credentialsIn } from './registry-auth.ts'

/** A handler for each operation on images. */
export function imageHandlers({
  images,
  downloads,
  uploads,
  registries,
  events,
}: Engine): Pick<Handlers, keyof typeof imageRoutes> {
  return {
    async ImageList({ query, version }) {
      const filters = query.filter === '' ? query.filters : query.filters.with('reference', query.filter)
      const containerCount = version.atLeast('1.51')
      const list = listImages(images, { all: query.all, filters, sharedSize: query['shared-size'], containerCount })
      return json(await withManifests(list, query.manifests, version))
    },

    async ImageCreate({ query, input, headers }) {
      if (query.fromImage !== '') return pull(query, credentialsIn(headers))
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

    async ImageInspect({ params, query, version }) {
      const { name } = params
      const image = inspectImage(images, name, query.platform)
      if (query.manifests && query.platform)
        throw invalid('conflicting options: manifests and platform options cannot both be set')
      const [answer] = await withManifests([image], query.manifests, version)
      return json(answer)
    },

    ImageAttestations: async ({ params, query: { platform, type, statement } }) =>
      json(await attestations(images, params.name, { platform, types: type.split(',').filter(Boolean), statement })),
    ImageHistory: async ({ params, query }) => json(imageHistory(images, params.name, query.platform)),
    ImageGet: async ({ params, query }) => archive([params.name], query.platform),
    ImageGetAll: async ({ query }) => archive(query.names, query.platform),

    async ImagePush({ params, query: { tag, platform }, headers, input }) {
      // Old clients repeat the credentials in the body.
      input.resume()
      const reference = pushedReference(params.name, tag)
      const repository = registries.open(reference, credentialsIn(headers), 'pull,push')
      return progress({
        async write(out, signal) {
          const report = (line: ProgressMessage) => void out.write(progressLine(line))
          await pushImages({ images, uploads, repository }, reference, { report, signal, platform })
        },
      })
    },

    async ImageTag({ params, query }) {
      tagImage(images, params.name, query.repo, query.tag)
      return empty(201)
    },

    async ImageDelete({ params, query }) {
      const options = { force: query.force, noPrune: query.noprune }
      const { platforms } = query
      return json(
        platforms.length > 0
          ? removeVariants(images, params.name, platforms, options)
          : removeImage(images, params.name, options),
      )
    },

    async DistributionInspect({ params, headers, signal }) {
      const reference = inspectedReference(params.name)
      const repository = registries.open(reference, credentialsIn(headers), 'pull')
      return json(await inspectRemote(repository, reference, signal))
    },

    async ImagePrune({ query }) {
      const report = pruneImages(images, query.filters)
      events.publish('image', 'prune', '', { reclaimed: String(report.SpaceReclaimed) })
      return json(report)
    },
  }

  /** Images as clients of `version` know them: with what they came as since 1.48, and their manifests since 1.47, if asked. */
  async function withManifests<T extends { readonly Id: string; Size: number }>(
    list: readonly T[],
    manifests: boolean,
    version: ApiVersion,
  ): Promise<T[]> {
    const answer: T[] = []
    for (const item of list) {
      const image = images.get(item.Id as Digest)
      const Descriptor = image && version.atLeast('1.48') ? descriptorOf(images, image) : undefined
      const wanted = image && manifests && version.atLeast('1.47')
      const Manifests = wanted ? await manifestSummaries(images, image) : undefined
      const VirtualSize = version.atLeast('1.44') ? undefined : item.Size
      answer.push({ ...item, VirtualSize, Descriptor, Manifests })
    }
    return answer
  }

  function pull(
    { fromImage, tag, platform }: { fromImage: string; tag: string; platform: string },
    credentials: Credentials | undefined,
  ) {
    const reference = pulledReference(fromImage, tag)
    const wanted = platform === '' ? undefined : parsePlatform(platform)
    return progress({
      async write(out, signal) {
        const report = (line: ProgressMessage) => void out.write(progressLine(line))
        const parts = { images, downloads, repository: registries.open(reference, credentials, 'pull') }
        await pullImages(parts, reference, { report, signal, platform: wanted })
      },
    })
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
