// POST /containers/prune: removes what doesn't run.

import type { ContainerPruneResponse } from '../api/types/container.ts'
import { parseTime } from '../lib/clock.ts'
import { GantryError } from '../lib/errors.ts'
import type { Filters } from '../lib/filters.ts'
import { parseUntilFilter } from '../lib/until.ts'
import { diskUsage } from './disk-usage.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'
import { containerPaths } from './paths.ts'
import { remove } from './remove.ts'

/** Removes all stopped containers that the filters (`label`, `label!`, `until`) let through. */
export async function prune(engine: Engine, filters: Filters): Promise<ContainerPruneResponse> {
  const matches = pruneFilter(filters, engine.clock.now())
  const ContainersDeleted: string[] = []
  let SpaceReclaimed = 0
  for (const container of engine.containers.all()) {
    if (container.isActive || !matches(container)) continue
    const size = await diskUsage(containerPaths(engine.settings, container.id).upper)
    if (!(await removed(engine, container))) continue
    ContainersDeleted.push(container.id)
    SpaceReclaimed += size
  }
  return { ContainersDeleted, SpaceReclaimed }
}

// One that was started or removed meanwhile is none of ours.
async function removed(engine: Engine, container: Container): Promise<boolean> {
  try {
    await remove(engine, container, { force: false, volumes: false, link: false })
    return true
  } catch (error) {
    if (error instanceof GantryError && error.kind === 'conflict') return false
    throw error
  }
}

function pruneFilter(filters: Filters, now: bigint): (container: Container) => boolean {
  filters.validate(['label', 'label!', 'until'])
  const limit = parseUntilFilter(filters, now)
  return container => {
    const { created, config } = container.definition
    if (limit !== undefined && (parseTime(created) ?? 0n) > limit) return false
    const excluded = filters.has('label!') && filters.matchesLabels('label!', config.Labels)
    return !excluded && filters.matchesLabels('label', config.Labels)
  }
}
