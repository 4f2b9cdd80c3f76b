// Registries, as the engine reaches them: logging in, and the credentials that go along with requests.

import type { AuthResponse } from '../api/types/system.ts'
import type { Client } from './client.ts'

/** Who one is at a registry (the header X-Registry-Auth of the Engine API). */
export interface RegistryCredentials {
  readonly username?: string
  readonly password?: string
  /** As credentials are kept for it. */
  readonly serveraddress: string
  readonly identitytoken?: string
  readonly registrytoken?: string
}

/** The header by which credentials go along with a request. */
export const authHeader = (credentials: RegistryCredentials): Record<string, string> => ({
  'X-Registry-Auth': Buffer.from(JSON.stringify(credentials)).toString('base64url'),
})

/** Has the engine try the credentials. Throws EngineError if the registry refuses them. */
export const logIn = (client: Client, credentials: RegistryCredentials): Promise<AuthResponse> =>
  client.json('POST', '/auth', { body: credentials })
