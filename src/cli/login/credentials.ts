// Who one is at a registry: kept in the configuration file, or by a program that it names.

import type { RegistryCredentials } from '../../client/registries.ts'
import { parseReference } from '../../oci/reference.ts'
import { ConfigFile, type StoredLogin } from './config-file.ts'
import { CredentialHelper } from './helper.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What Docker Hub is called where credentials are kept. */
export const indexServer = 'https://index.docker.io/v1/'
const tokenName = '<token>'

/** The name by which credentials for the registry of an image are kept. */
export function serverOf(image: string): string {
  const { domain } = parseReference(image)
  return domain === 'docker.io' ? indexServer : domain
}

/** A server's host and port, without a scheme and a path. */
export const hostOf = (server: string): string => server.replace(/^https?:\/\//, '').split('/', 1)[0] ?? ''

/** The credentials for a server; without name and token if nobody has logged in. */
export async function credentialsFor(env: Environment, server: string): Promise<RegistryCredentials> {
  const file = ConfigFile.read(env)
  const helper = file.helperFor(server)
  if (helper === undefined) return { serveraddress: server, ...decoded(found(file.logins, server)) }
  const login = await new CredentialHelper(helper, env).get(server)
  if (!login) return { serveraddress: server }
  return login.Username === tokenName
    ? { serveraddress: server, identitytoken: login.Secret }
    : { serveraddress: server, username: login.Username, password: login.Secret }
}

// Some are kept under a whole URL.
const found = (logins: Readonly<Record<string, StoredLogin>>, server: string): StoredLogin =>
  logins[server] ?? Object.entries(logins).find(([name]) => hostOf(name) === server)?.[1] ?? {}

function decoded({
  auth,
  username,
  password,
  identitytoken,
  registrytoken,
}: StoredLogin): Partial<RegistryCredentials> {
  const text = Buffer.from(auth ?? '', 'base64').toString()
  const colon = text.indexOf(':')
  const name = colon < 0 ? username : text.slice(0, colon)
  const secret = colon < 0 ? password : text.slice(colon + 1).replace(/\0+$/, '')
  return {
    ...(name && { username: name }),
    ...(secret && { password: secret }),
    ...(identitytoken && { identitytoken }),
    ...(registrytoken && { registrytoken }),
  }
}

/** Keeps credentials; resolves to the path of the file if they are in it for everybody to read who can read it. */
export async function keepCredentials(env: Environment, login: RegistryCredentials): Promise<string | undefined> {
  const file = ConfigFile.read(env)
  const { serveraddress: server, username = '', password = '', identitytoken } = login
  const helper = file.helperFor(server)
  if (helper === undefined) {
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    await file.keep(server, { auth, ...(identitytoken && { identitytoken }) })
    return file.path
  }
  const secret = identitytoken
    ? { Username: tokenName, Secret: identitytoken }
    : { Username: username, Secret: password }
  await new CredentialHelper(helper, env).store({ ServerURL: server, ...secret })
  await file.keep(server, {})
  return undefined
}

/** Forgets the credentials for a server. */
export async function eraseCredentials(env: Environment, server: string): Promise<void> {
  const file = ConfigFile.read(env)
  const helper = file.helperFor(server)
  if (helper !== undefined) await new CredentialHelper(helper, env).erase(server)
  await file.keep(server, undefined)
}
