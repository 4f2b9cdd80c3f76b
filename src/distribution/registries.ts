// All registries, as the daemon's settings say to reach them.

import { GantryError, invalid, unauthorized, unavailable } from '../lib/errors.ts'
import { type Reference, repositoryOf } from '../oci/reference.ts'
import { parseChallenges } from './challenge.ts'
import { type Endpoint, type RegistrySettings, endpointsOf, indexServer } from './endpoints.ts'
import type { Actions, Credentials, Repository } from './remote.ts'
import { HttpRepository } from './repository.ts'
import { Session } from './session.ts'
import { answerChallenges } from './tokens.ts'
import { Transport, readText } from './transport.ts'

export interface LoggedIn {
  /** A token that stands for name and password from now on; '' if the registry gives none. */
  readonly identityToken: string
}

export class Registries {
  #settings: RegistrySettings
  #transport: Transport

  constructor(settings: RegistrySettings) {
    this.#settings = settings
    this.#transport = new Transport(settings)
  }

  /** From now on, registries are reached by other settings; what is under way goes on by the old ones. */
  reconfigure(settings: RegistrySettings): void {
    this.#settings = settings
    this.#transport = new Transport(settings)
  }

  /** The repository of a name; nothing is asked of its registry yet. */
  open({ domain, path, ...rest }: Reference, credentials: Credentials | undefined, actions: Actions): Repository {
    const [settings, transport] = [this.#settings, this.#transport]
    const use = actions === 'pull' ? 'read' : 'write'
    const scopes = [`repository:${path}:${actions}`]
    const connect = async (signal?: AbortSignal) => {
      const endpoints = await endpointsOf(settings, domain, use)
      const mirrors = endpoints.filter(({ isMirror }) => isMirror)
      const sessions = await Promise.all(
        mirrors.map(
          async endpoint =>
            await reach({ transport, scopes, credentials: undefined }, [endpoint], signal).catch(() => []),
        ),
      )
      signal?.throwIfAborted()
      const own = endpoints.filter(({ isMirror }) => !isMirror)
      try {
        return [...sessions.flat(), ...(await reach({ transport, scopes, credentials }, own, signal))]
      } catch (error) {
        // A mirror may have all that is needed.
        if (sessions.flat().length === 0) throw error
        return sessions.flat()
      }
    }
    return new HttpRepository({ name: repositoryOf({ domain, path, ...rest }), path, connect })
  }

  /** Checks that a registry knows these credentials. Throws `unauthorized` if it doesn't. */
  async login(credentials: Credentials, signal?: AbortSignal): Promise<LoggedIn> {
    const registry = registryNamed(credentials.serverAddress ?? '')
    const [settings, transport] = [this.#settings, this.#transport]
    return await firstReachable(await endpointsOf(settings, registry, 'write'), async endpoint => {
      const url = `${endpoint.origin}/v2/`
      const open = await transport.request(endpoint, { method: 'GET', url, signal })
      await readText(open)
      if (open.status === 200) return { identityToken: '' }
      const challenges = parseChallenges(open.headers['www-authenticate'])
      const request = { endpoint, credentials, scopes: [], offline: true, signal }
      const { authorization, refreshToken } = await answerChallenges(transport, challenges, request)
      const answer = await transport.request(endpoint, { method: 'GET', url, authorization, signal })
      await readText(answer)
      if (answer.status === 200) return { identityToken: refreshToken }
      throw unauthorized(`login attempt to ${url} failed with status: ${answer.status}`)
    })
  }

  async close(): Promise<void> {
    await this.#transport.close()
  }
}

/** The registry that an address of `docker login` means. Throws `invalid` if it is none. */
export function registryNamed(address: string): string {
  if (address === '' || address === indexServer) return 'docker.io'
  const host = address.replace(/^https?:\/\//, '').split('/', 1)[0] ?? ''
  if (!/^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.test(host)) {
    throw invalid(`invalid registry address ${JSON.stringify(address)}: expected HOST or HOST:PORT`)
  }
  return ['index.docker.io', 'registry-1.docker.io'].includes(host) ? 'docker.io' : host
}

interface Common {
  readonly transport: Transport
  readonly credentials: Credentials | undefined
  readonly scopes: readonly string[]
}

async function reach(common: Common, endpoints: readonly Endpoint[], signal?: AbortSignal): Promise<Session[]> {
  return await firstReachable(endpoints, async endpoint => {
    const session = new Session({ ...common, endpoint })
    await session.ping(signal)
    return [session]
  })
}

/** What `body` gives for the first of the addresses that can be reached; with the last one's error if none can. */
async function firstReachable<T>(endpoints: readonly Endpoint[], body: (endpoint: Endpoint) => Promise<T>): Promise<T> {
  let failure: unknown = unavailable('the registry has no address')
  for (const endpoint of endpoints) {
    try {
      return await body(endpoint)
    } catch (error) {
      if (!(error instanceof GantryError) || error.kind !== 'unavailable') throw error
      failure = error
    }
  }
  throw failure
}
