// Removing what is not used, over the Engine API.

import type { ContainerPruneResponse } from '../api/types/container.ts'
import type { ImagePruneResponse } from '../api/types/image.ts'
import type { VolumePruneResponse } from '../api/types/volume.ts'
import type { Client } from './client.ts'

/** Filters of a prune, by name. */
export type PruneFilters = Readonly<Record<string, string[]>>

/** Removes the stopped containers that match `filters`. */
export const pruneContainers = (client: Client, filters: PruneFilters): Promise<ContainerPruneResponse> =>
  client.json('POST', '/containers/prune', { query: { filters } })

/** Removes unused images: with `dangling` false also those with names. */
export const pruneImages = (client: Client, filters: PruneFilters): Promise<ImagePruneResponse> =>
  client.json('POST', '/images/prune', { query: { filters } })

/** Removes unused volumes: with `all` also those with names. */
export const pruneVolumes = (client: Client, filters: PruneFilters): Promise<VolumePruneResponse> =>
  client.json('POST', '/volumes/prune', { query: { filters } })

/** Removes unused networks. */
export const pruneNetworks = (client: Client, filters: PruneFilters): Promise<{ NetworksDeleted: string[] | null }> =>
  client.json('POST', '/networks/prune', { query: { filters } })
