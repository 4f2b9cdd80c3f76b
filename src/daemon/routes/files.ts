// Handlers of the operations on containers' files.

import { isDeepStrictEqual } from 'node:util'
import { zero } from '../../api/decode.ts'
import { type Handlers, empty, json, stream } from '../../api/handler.ts'
import { flag } from '../../api/query.ts'
import { ContainerConfig } from '../../api/types/container.ts'
import type { fileRoutes } from '../../api/routes/files.ts'
import { commit } from '../../container/files/commit.ts'
import { changesOf } from '../../container/files/changes.ts'
import { pathStatHeader } from '../../container/files/path-stat.ts'
import { archivePath, exportContainer, statPath } from '../../container/files/read.ts'
import { extractArchive } from '../../container/files/write.ts'
import type { Engine } from '../../container/engine.ts'
import type { PathStat } from '../../content/tree/locate.ts'
import { invalid } from '../../lib/errors.ts'

/** A handler for each operation on containers' files. */
export function fileHandlers(engine: Engine): Pick<Handlers, keyof typeof fileRoutes> {
  const { containers } = engine
  return {
    ContainerChanges: async ({ params }) => json(await changesOf(engine, containers.get(params.name))),

    async ContainerExport({ params }) {
      const { write } = await exportContainer(engine, containers.get(params.name))
      return stream({ contentType: 'application/octet-stream', write })
    },

    async ContainerArchiveInfo({ params, query }) {
      const stat = await statPath(engine, containers.get(params.name), named(params.name, query.path))
      return empty(200, headersOf(stat))
    },

    async ContainerArchive({ params, query }) {
      const { stat, write } = await archivePath(engine, containers.get(params.name), named(params.name, query.path))
      return stream({ contentType: 'application/x-tar', headers: headersOf(stat), write })
    },

    async ImageCommit({ query, body, signal }) {
      const { repo: repository, tag, comment, author, changes } = query
      const pause = query.pause === '' || flag().read([query.pause], 'pause')
      const config = isDeepStrictEqual(body, zero(ContainerConfig)) ? undefined : body
      const request = { repository, tag, comment, author, changes, pause, config, signal }
      return json({ Id: await commit(engine, containers.get(query.container), request) }, 201)
    },

    async PutContainerArchive({ params, query, input }) {
      const { noOverwriteDirNonDir: keepTypes, copyUIDGID: asUser } = query
      const options = { ...named(params.name, query.path), keepTypes, asUser }
      await extractArchive(engine, containers.get(params.name), input, options)
      return empty(200)
    },
  }
}

const headersOf = (stat: PathStat) => ({ 'X-Docker-Container-Path-Stat': pathStatHeader(stat) })

function named(name: string, path: string) {
  if (path === '') throw invalid('bad parameter: path cannot be empty')
  return { name, path }
}
