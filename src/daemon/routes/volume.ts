// Handlers of the operations on volumes.

import { type Handlers, empty, json } from '../../api/handler.ts'
import type { volumeRoutes } from '../../api/routes/volume.ts'
import type { Engine } from '../../container/engine.ts'
import { usesVolume } from '../../container/remove.ts'

/** A handler for each operation on volumes. */
export function volumeHandlers(engine: Engine): Pick<Handlers, keyof typeof volumeRoutes> {
  const { volumes } = engine
  const usersOf = (name: string) =>
    engine.containers
      .all()
      .filter(container => usesVolume(container, name))
      .map(container => container.id)
  return {
    VolumeList: async ({ query }) => json({ Volumes: volumes.list(query.filters, usersOf), Warnings: null }),
    async VolumeCreate({ body }) {
      const volume = volumes.create(body)
      engine.events.publish('volume', 'create', volume.Name, { driver: volume.Driver })
      return json(volume, 201)
    },
    VolumeInspect: async ({ params }) => json(volumes.inspect(params.name)),
    async VolumeDelete({ params, query }) {
      const isThere = volumes.has(params.name)
      await volumes.removeUnused(params.name, { force: query.force, usersOf })
      if (isThere) engine.events.publish('volume', 'destroy', params.name, { driver: 'local' })
      return empty()
    },
    async VolumePrune({ query, version }) {
      const report = await volumes.prune(query.filters, usersOf, version)
      for (const name of report.VolumesDeleted) engine.events.publish('volume', 'destroy', name, { driver: 'local' })
      engine.events.publish('volume', 'prune', '', { reclaimed: String(report.SpaceReclaimed) })
      return json(report)
    },
  }
}
