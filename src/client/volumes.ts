// Volumes, over the Engine API.

import type { Volume, VolumeCreateRequest, VolumeList } from '../api/types/volume.ts'
import type { Client } from './client.ts'

const pathOf = (name: string) => `/volumes/${encodeURIComponent(name)}`

/** The volumes that match `filters`. */
export const listVolumes = (client: Client, filters: Readonly<Record<string, string[]>>): Promise<VolumeList> =>
  client.json('GET', '/volumes', { query: { filters } })

/** Everything the engine tells of one volume. */
export const inspectVolume = (client: Client, name: string): Promise<Volume> => client.json('GET', pathOf(name))

/** Makes a volume; one that is there is answered as it is. */
export const createVolume = (client: Client, request: Partial<VolumeCreateRequest>): Promise<Volume> =>
  client.json('POST', '/volumes/create', { body: request })

/** Removes a volume; with `force`, one that is not there is no error. */
export async function removeVolume(client: Client, name: string, force: boolean): Promise<void> {
  await client.text('DELETE', pathOf(name), { query: { force: force || undefined } })
}
