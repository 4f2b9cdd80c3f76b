// Networks, over the Engine API.

import type { NetworkInspect, NetworkSummary } from '../api/types/network.ts'
import type { Client } from './client.ts'

/** The networks that match `filters`. */
export const listNetworks = (client: Client, filters: Readonly<Record<string, string[]>>): Promise<NetworkSummary[]> =>
  client.json('GET', '/networks', { query: { filters } })

/** Everything the engine tells of one network. */
export const inspectNetwork = (client: Client, name: string, verbose?: boolean): Promise<NetworkInspect> =>
  client.json('GET', `/networks/${encodeURIComponent(name)}`, { query: { verbose } })
