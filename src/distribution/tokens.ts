// Answering a registry's challenge: Basic, or a token of its authorization service (distribution's token and OAuth2 specifications).

import { unauthorized, unavailable } from '../lib/errors.ts'
import type { Challenge } from './challenge.ts'
import type { Endpoint } from './endpoints.ts'
import { registryError } from './errors.ts'
import { persistently } from './persistence.ts'
import type { Credentials } from './remote.ts'
import { type Transport, readText } from './transport.ts'
import { parseObject } from './json.ts'

export interface TokenRequest {
  readonly endpoint: Endpoint
  readonly credentials: Credentials | undefined
  /** Such as `repository:library/busybox:pull`. */
  readonly scopes: readonly string[]
  /** Ask for a refresh token, too. */
  readonly offline?: boolean
  readonly signal?: AbortSignal
}

export interface Granted {
  /** The value of the Authorization header. */
  readonly authorization: string
  /** When it has to be asked for again, in milliseconds since the epoch. */
  readonly until: number
  /** '' if none was given. */
  readonly refreshToken: string
}

/** By the specification, a token that doesn't say how long it lasts lasts a minute. */
const usualLife = 60
/** Asked for again so long before its end, in seconds. */
const margin = 10
const clientId = 'docker'

/**
 * What to send after `challenges`. Throws `unauthorized` if nothing that we have answers one of them, or the
 * authorization service refuses.
 */
export async function answerChallenges(
  transport: Transport,
  challenges: readonly Challenge[],
  request: TokenRequest,
): Promise<Granted> {
  const { credentials } = request
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
  if (bearer && credentials?.registryToken) return lasting(`Bearer ${credentials.registryToken}`)
  if (bearer) return await fetchToken(transport, bearer, request)
  if (challenges.some(({ scheme }) => scheme === 'basic')) {
    const authorization = basic(credentials)
    if (authorization === undefined) throw unauthorized('no basic auth credentials')
    return lasting(authorization)
  }
  throw unauthorized('unauthorized: authentication required')
}

const lasting = (authorization: string): Granted => ({
  authorization,
  until: Number.POSITIVE_INFINITY,
  refreshToken: '',
})

/** The value of the header; undefined unless there are both a name and a password. */
function basic({ username, password }: Credentials = {}): string | undefined {
  return username && password ? `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` : undefined
}

async function fetchToken(transport: Transport, challenge: Challenge, request: TokenRequest): Promise<Granted> {
  const { endpoint, credentials, signal } = request
  const { realm = '', service = '' } = challenge.parameters
  const url = checkRealm(realm, endpoint)
  const scopes = [...new Set([...request.scopes, ...(challenge.parameters['scope'] ?? '').split(' ').filter(Boolean)])]
  const { identityToken } = credentials ?? {}
  const outgoing = identityToken ? refresh(url, service, scopes, identityToken) : ask(url, service, scopes, request)
  const answer = await persistently(() => transport.request(endpoint, { ...outgoing, signal }), signal)
  const body = await readText(answer)
  if (answer.status !== 200) throw registryError({ status: answer.status, body })
  return readToken(body, url)
}

/**
 * The authorization service that the registry names. It gets the credentials for the registry, which the registry itself
 * could have asked for: what matters is that nobody in between reads them, and that no redirect takes them elsewhere.
 */
function checkRealm(realm: string, { host, secure }: Endpoint): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw unavailable(`${host} names no valid authorization service: ${JSON.stringify(realm.slice(0, 200))}`)
  }
  if (secure && url.protocol === 'http:') {
    throw unavailable(`${host} names an authorization service without encryption, ${url.host}: it gets no credentials`)
  }
  return url
}

function ask(realm: URL, service: string, scopes: readonly string[], { credentials, offline }: TokenRequest) {
  const url = new URL(realm)
  if (service !== '') url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (offline) {
    url.searchParams.set('offline_token', 'true')
    url.searchParams.set('client_id', clientId)
  }
  const authorization = basic(credentials)
  if (authorization !== undefined) url.searchParams.set('account', credentials?.username ?? '')
  return { method: 'GET', url: url.href, authorization } as const
}

function refresh(realm: URL, service: string, scopes: readonly string[], token: string) {
  const form = new URLSearchParams({ grant_type: 'refresh_token', service, client_id: clientId, refresh_token: token })
  form.set('scope', scopes.join(' '))
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url: realm.href, headers, body: Buffer.from(form.toString()) } as const
}

function readToken(text: string, url: URL): Granted {
  const value = parseObject(text)
  const token = value['token'] || value['access_token']
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    throw unavailable(`authorization server ${url.host} did not include a token in the response`)
  }
  const life = typeof value['expires_in'] === 'number' ? value['expires_in'] : usualLife
  const refreshToken = typeof value['refresh_token'] === 'string' ? value['refresh_token'] : ''
  const until = Date.now() + Math.max(usualLife - margin, life - margin) * 1000
  return { authorization: `Bearer ${token}`, until, refreshToken }
}
