// `gantry login`: proves to a registry who one is, and keeps that.

import { text } from 'node:stream/consumers'
import { type RegistryCredentials, logIn } from '../../client/registries.ts'
import { GantryError, invalid, kindOf } from '../../lib/errors.ts'
import { type FlagValues, flag } from '../flags.ts'
import { credentialsFor, hostOf, indexServer, keepCredentials } from '../login/credentials.ts'
import { ask, askSecret } from '../login/prompt.ts'
import type { Context, Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] [SERVER]',
  summary: 'Authenticate to a registry',
  flags: [
    flag('password', 'text', 'Password or Personal Access Token (PAT)', 'p'),
    flag('password-stdin', 'bool', 'Take the Password or Personal Access Token (PAT) from stdin'),
    flag('username', 'text', 'Username', 'u'),
  ],
  operands: { min: 0, max: 1 },
  async run(context, flags, [address = '']) {
    const password = await givenPassword(context, flags)
    const server = ['', 'docker.io', indexServer].includes(address) ? indexServer : hostOf(address)
    const username = flags.text('username') ?? ''
    if (username === '' && password === '' && (await byStored(context, server))) return 0
    const given = await completed(context, server, username, password)
    const { Status, IdentityToken = '' } = await logIn(context.client, { ...given, serveraddress: server })
    const login = { ...given, serveraddress: server }
    const path = await keepCredentials(
      context.env,
      IdentityToken === '' ? login : { ...login, password: '', identitytoken: IdentityToken },
    )
    // A token is less than a password.
    if (path !== undefined && IdentityToken === '') context.stderr.write(unencrypted(path))
    context.stdout.write(`${Status}\n`)
    return 0
  },
}

const unencrypted = (path: string) => `
WARNING! Your credentials are stored unencrypted in '${path}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/

`

async function givenPassword(context: Context, flags: FlagValues): Promise<string> {
  const password = flags.text('password') ?? ''
  if (flags.bool('password-stdin')) {
    if (password !== '') throw invalid('conflicting options: cannot specify both --password and --password-stdin')
    if (!flags.text('username')) throw invalid('the --password-stdin option requires --username to be set')
    return (await text(context.stdin)).replace(/\n$/, '').replace(/\r$/, '')
  }
  if (flags.has('password')) {
    context.stderr.write('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n')
  }
  return password
}

/** True if what is kept still lets one in. */
async function byStored(context: Context, server: string): Promise<boolean> {
  const stored = await credentialsFor(context.env, server)
  if (!stored.username || !stored.password) return false
  context.stdout.write(`Authenticating with existing credentials... [Username: ${stored.username}]\n`)
  context.stdout.write(
    "\ni Info → To login with a different account, run 'gantry logout' followed by 'gantry login'\n\n\n",
  )
  try {
    const { Status } = await logIn(context.client, stored)
    context.stdout.write(`${Status}\n`)
    return true
  } catch (error) {
    if (!(error instanceof GantryError) || kindOf(error) !== 'unauthorized') throw error
    context.stderr.write(`Stored credentials invalid or expired\n`)
    return false
  }
}

async function completed(
  context: Context,
  server: string,
  username: string,
  password: string,
): Promise<Pick<RegistryCredentials, 'username' | 'password'>> {
  if (username !== '' && password !== '') return { username, password }
  if (!context.stdin.isTTY) throw invalid('Error: Cannot perform an interactive login from a non TTY device')
  const { username: before = '' } = await credentialsFor(context.env, server)
  const name = username || (await ask(context, before ? `Username (${before}): ` : 'Username: ')) || before
  if (name === '') throw invalid('username is empty')
  const secret = password || (await askSecret(context, 'Password: '))
  if (secret === '') throw invalid('password is empty')
  return { username: name, password: secret }
}
