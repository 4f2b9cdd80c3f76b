// The engine about itself, over the Engine API.

import type { Readable } from 'node:stream'
import type { SystemDataUsage, SystemInfo, SystemVersion } from '../api/types/system.ts'
import type { Client } from './client.ts'

/** Versions of the engine and its parts. */
export const engineVersion = (client: Client): Promise<SystemVersion> => client.json('GET', '/version')

/** What the engine and its host have and are set to. */
export const engineInfo = (client: Client): Promise<SystemInfo> => client.json('GET', '/info')

/** What objects take on disk: as sums, and with `verbose` one by one. */
export const engineDiskUsage = (client: Client, verbose?: boolean): Promise<SystemDataUsage> =>
  client.json('GET', '/system/df', { query: { verbose } })

/** What happens in the engine, as JSON objects line by line; times in seconds, with a fraction. */
export function engineEvents(
  client: Client,
  query: {
    since: string | undefined
    until: string | undefined
    filters: Readonly<Record<string, string[]>> | undefined
  },
): Promise<Readable> {
  return client.request('GET', '/events', { query })
}
