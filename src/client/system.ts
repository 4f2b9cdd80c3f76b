// The engine about itself, over the Engine API.

import type { SystemInfo, SystemVersion } from '../api/types/system.ts'
import type { Client } from './client.ts'

/** Versions of the engine and its parts. */
export const engineVersion = (client: Client): Promise<SystemVersion> => client.json('GET', '/version')

/** What the engine and its host have and are set to. */
export const engineInfo = (client: Client): Promise<SystemInfo> => client.json('GET', '/info')
