// All registries, as the daemon's settings say to reach them.

import { STATUS_CODES } from 'node:http'
import { GantryError, invalid, unauthorized, unavailable } from '../lib/errors.ts'
import { type Reference, repositoryOf } from '../oci/reference.ts'
import { parseChallenges } from './challenge.ts'
import { type Endpoint, type RegistrySettings, endpointsOf, indexServer, mirrorAt, mirrorsOf } from './endpoints.ts'
import type { Actions, Credentials, Repository } from './remote.ts'
import { HttpRepository } from './repository.ts'
import { Session } from './session.ts'
import { type Granted, answerChallenges } from './tokens.ts'
import { ConnectionError, Transport, readText } from './transport.ts'

export interface LoggedIn {
  /** A token that stands for name and password from now on; '' if the registry gives none. */
  readonly identityToken: string
}

/** Disposing of them ends what is under way. */
export class Registries implements AsyncDisposable {
  #settings: RegistrySettings
  #transport: Transport
  /** Those by former settings, as long as somebody uses them. */
  #former: WeakRef<Transport>[] = []

  constructor(settings: RegistrySettings) {
    this.#settings = settings
    this.#transport = new Transport(settings)
  }

  /** From now on, registries are reached by other settings; what is under way goes on by the old ones. */
  reconfigure(settings: RegistrySettings): void {
    this.#former = [...this.#former.filter(transport => transport.deref()), new WeakRef(this.#transport)]
    this.#settings = settings
    this.#transport = new Transport(settings)
  }

  /** The repository of a name; nothing is asked of its registry yet. */
  open({ domain, path }: Reference, credentials: Credentials | undefined, actions: Actions): Repository {
    const [settings, transport] = [this.#settings, this.#transport]
    const scopes = [`repository:${path}:${actions}`]
    const origin = async () => await reach({ transport, scopes, credentials }, await endpointsOf(settings, domain))
    // They get no credentials: those are the registry's.
    const mirrors = (actions === 'pull' ? mirrorsOf(settings, domain) : []).map(url => async () => {
      return await reach({ transport, scopes, credentials: undefined }, [await mirrorAt(settings, url)])
    })
    return new HttpRepository({ name: repositoryOf({ domain, path }), path, origin, mirrors })
  }

  /** Checks that a registry knows these credentials. Throws `unauthorized` if it doesn't. */
  async login(credentials: Credentials, signal?: AbortSignal): Promise<LoggedIn> {
    const registry = registryNamed(credentials.serverAddress ?? '')
    const [settings, transport] = [this.#settings, this.#transport]
    return await firstReachable(await endpointsOf(settings, registry), async endpoint => {
      const url = `${endpoint.origin}/v2/`
      const open = await transport.request(endpoint, { method: 'GET', url, signal })
      await readText(open)
      if (open.status === 200) return { identityToken: '' }
      if (open.status !== 401) throw failedLogin(url, open.status)
      const challenges = parseChallenges(open.headers['www-authenticate'])
      const request = { endpoint, credentials, scopes: [], offline: true, signal }
      const { authorization, refreshToken } = await answered(url, answerChallenges(transport, challenges, request))
      const answer = await transport.request(endpoint, { method: 'GET', url, authorization, signal })
      await readText(answer)
      if (answer.status === 200) return { identityToken: refreshToken }
      throw failedLogin(url, answer.status)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [this.#transport, ...this.#former.flatMap(transport => transport.deref() ?? [])]
    await Promise.all(all.map(transport => transport.close()))
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

async function reach(common: Common, endpoints: readonly Endpoint[]): Promise<Session> {
  return await firstReachable(endpoints, async endpoint => {
    const session = new Session({ ...common, endpoint })
    await session.ping()
    return session
  })
}

function failedLogin(url: string, status: number): GantryError {
  return unauthorized(`login attempt to ${url} failed with status: ${status} ${STATUS_CODES[status] ?? ''}`.trim())
}

async function answered(url: string, granted: Promise<Granted>): Promise<Granted> {
  try {
    return await granted
  } catch (error) {
    if (!(error instanceof GantryError) || error.kind === 'unavailable') throw error
    throw new GantryError(error.kind, `Get "${url}": ${error.message}`, { cause: error })
  }
}

/** What `body` gives for the first of the addresses that can be reached; with the last one's error if none can. */
async function firstReachable<T>(endpoints: readonly Endpoint[], body: (endpoint: Endpoint) => Promise<T>): Promise<T> {
  let failure: unknown = unavailable('the registry has no address')
  for (const endpoint of endpoints) {
    try {
      return await body(endpoint)
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      failure = error
    }
  }
  throw failure
}
