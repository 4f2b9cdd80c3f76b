// The credentials that a client sends with a request for the registry that it is about.

import type { IncomingHttpHeaders } from 'node:http'
import { decoder } from '../../api/decode.ts'
import { AuthConfig } from '../../api/types/auth.ts'
import type { Credentials } from '../../distribution/remote.ts'

const readAuth = decoder(AuthConfig)

/** What a body or header says; '' is nothing. */
export function credentialsOf(config: AuthConfig): Credentials {
  const [name = '', password = ''] = splitAuth(config.auth)
  return {
    username: config.username || name,
    password: config.password || password,
    identityToken: config.identitytoken,
    registryToken: config.registrytoken,
    serverAddress: config.serveraddress,
  }
}

// A password may have colons.
function splitAuth(auth: string): string[] {
  const text = Buffer.from(auth, 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? [] : [text.slice(0, colon), text.slice(colon + 1)]
}

/**
 * The credentials of the header X-Registry-Auth, which is JSON in Base64 for URLs (the usual alphabet and padding will do);
 * undefined without one, or if it can't be read: then the registry says what is missing, as with dockerd.
 */
export function credentialsIn(headers: IncomingHttpHeaders): Credentials | undefined {
  const header = headers['x-registry-auth']
  if (typeof header !== 'string' || header === '') return undefined
  try {
    return credentialsOf(readAuth(JSON.parse(Buffer.from(header, 'base64url').toString())))
  } catch {
    return undefined
  }
}
