// Credentials for registries, as clients send them.

import { type Static, struct, text } from '../schema.ts'

/** The body of `POST /auth`, and what the header X-Registry-Auth holds. */
export const AuthConfig = struct('types.AuthConfig', {
  username: text(),
  password: text(),
  /** Name and password in Base64, as configuration files have them. */
  auth: text(),
  email: text(),
  serveraddress: text(),
  identitytoken: text(),
  registrytoken: text(),
})

export type AuthConfig = Static<typeof AuthConfig>
