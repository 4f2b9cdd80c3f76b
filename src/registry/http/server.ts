// The registry over HTTP: from a request's path to its handler, and errors to their form.

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { TLSSocket, type TlsOptions } from 'node:tls'
import { http } from '../../lib/http.ts'
import type { Log } from '../../lib/log.ts'
import type { Caller, Gate } from '../auth/gate.ts'
import type { Action } from '../auth/rights.ts'
import { RegistryError, formatError, toRegistryError } from '../errors.ts'
import { parseRepositoryName } from '../names.ts'
import { type Facts, type Observer, observe } from '../observe/served.ts'
import { blob } from './blobs.ts'
import { type RegistryAnswer, type RegistryCall, type RegistryParts, sendAnswer } from './call.ts'
import { catalog, referrers, tagList } from './lists.ts'
import { manifest } from './manifests.ts'
import { token } from './token.ts'
import { beginUpload, upload } from './uploads.ts'

interface Route {
  /** For the access log and the metrics. */
  readonly endpoint: string
  /** Of the path: the repository's name, and the reference. */
  readonly pattern: RegExp
  readonly methods: readonly string[]
  readonly handle: (call: RegistryCall) => Promise<RegistryAnswer>
}

// Names may contain the words that follow them: the last ones count. The upload's id comes before a blob's digest.
const routes: readonly Route[] = [
  { endpoint: 'uploads', pattern: /^(.+)\/blobs\/uploads\/?()$/, methods: ['POST'], handle: beginUpload },
  {
    endpoint: 'uploads',
    pattern: /^(.+)\/blobs\/uploads\/([^/]+)$/,
    methods: ['GET', 'PATCH', 'PUT', 'DELETE'],
    handle: upload,
  },
  { endpoint: 'blobs', pattern: /^(.+)\/blobs\/([^/]+)$/, methods: ['GET', 'HEAD', 'DELETE'], handle: blob },
  {
    endpoint: 'manifests',
    pattern: /^(.+)\/manifests\/([^/]+)$/,
    methods: ['GET', 'HEAD', 'PUT', 'DELETE'],
    handle: manifest,
  },
  { endpoint: 'tags', pattern: /^(.+)\/tags\/list()$/, methods: ['GET'], handle: tagList },
  { endpoint: 'referrers', pattern: /^(.+)\/referrers\/([^/]+)$/, methods: ['GET'], handle: referrers },
]

const commonHeaders = { 'docker-distribution-api-version': 'registry/2.0', 'x-content-type-options': 'nosniff' }

export interface ServerOptions {
  /** Milliseconds after which a connection on which nothing moves is closed, with what is going on there. */
  readonly idleTime?: number
  /** With it, the server speaks HTTPS only. */
  readonly tls?: TlsOptions | undefined
  /** Is told of each request once it is over. */
  readonly observer?: Observer | undefined
}

/** A server that answers for a registry; the caller listens and closes. */
export function createRegistryServer(
  parts: RegistryParts,
  log: Log,
  { idleTime = 120_000, tls, observer = () => {} }: ServerOptions = {},
): Server {
  // A blob takes as long as it takes; only the head of a request must come soon, and something must come.
  const limits = { headersTimeout: 60_000, requestTimeout: 0, keepAliveTimeout: idleTime }
  const listener: RequestListener = (request, response) =>
    void serve(parts, log, request, response, observe(request, response, observer))
  const server = tls ? createSecureServer({ ...limits, ...tls }, listener) : http.createServer(limits, listener)
  return server.setTimeout(idleTime)
}

async function serve(parts: RegistryParts, log: Log, request: IncomingMessage, response: ServerResponse, facts: Facts) {
  for (const [name, value] of Object.entries(commonHeaders)) response.setHeader(name, value)
  try {
    await sendAnswer(request, response, await answer(parts, request, facts))
  } catch (thrown) {
    const error = toRegistryError(thrown)
    const what = { err: thrown, method: request.method, url: request.url }
    if (request.destroyed && !request.complete) log.debug(what, 'A client went away')
    else if (error !== thrown) log.error(what, 'A request failed')
    if (error.status === 401 && parts.gate && !response.headersSent)
      response.setHeader(
        'www-authenticate',
        challengeFor(parts.gate, request) + (error.code === 'DENIED' ? tooLittle : ''),
      )
    refuse(request, response, error)
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, error: RegistryError) {
  if (response.headersSent) return void response.destroy()
  // What the client goes on to send would be taken for its next request.
  if (!request.complete) response.setHeader('connection', 'close')
  const headers = { 'content-type': 'application/json' }
  void sendAnswer(request, response, { status: error.status, headers, body: formatError(error) })
}

async function answer(parts: RegistryParts, request: IncomingMessage, facts: Facts): Promise<RegistryAnswer> {
  const { gate } = parts
  const { pathname, query } = targetOf(request.url ?? '/')
  if (gate && pathname === '/token') {
    facts.endpoint = 'token'
    return await token(gate, request, query)
  }
  const found = findRoute(pathname)
  Object.assign(facts, { endpoint: found?.route.endpoint ?? endpointOf(pathname), repository: found?.name })
  const caller = gate ? await gate.caller(request.headers, request.socket.remoteAddress ?? '') : nobody
  facts.user = caller.user
  if (pathname === '/v2' || pathname === '/v2/') {
    gate?.check(caller, {})
    return { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }
  }
  const method = request.method ?? 'GET'
  if (pathname === '/v2/_catalog' && method === 'GET') return await catalog(await namesFor(parts, caller), query)
  if (!found) throw new RegistryError('UNSUPPORTED', 'the registry has nothing at this path', { status: 404 })
  const { route, name, reference } = found
  if (!route.methods.includes(method)) throw new RegistryError('UNSUPPORTED', `${method} is not possible here`)
  const repository = parts.repositories.open(parseRepositoryName(name))
  if (gate) checkRights(gate, caller, repository.name, route, method)
  const mayRead = (other: string) => !gate || gate.allows(caller, other, 'pull')
  const origin = parts.cache?.of(repository.name)
  if (origin && actionOf(found.route, method) === 'push') {
    const message = `${repository.name} is a cache of ${origin.remote.name}: push there`
    throw new RegistryError('UNSUPPORTED', message)
  }
  const call = {
    ...parts,
    origin,
    method,
    repository,
    reference,
    query,
    headers: request.headers,
    body: request,
    mayRead,
  }
  return await route.handle(call)
}

const nobody: Caller = { user: undefined, access: undefined }

const endpointOf = (pathname: string) =>
  pathname === '/v2/_catalog' ? 'catalog' : /^\/v2\/?$/.test(pathname) ? 'base' : 'none'

function findRoute(pathname: string): { route: Route; name: string; reference: string } | undefined {
  if (!pathname.startsWith('/v2/')) return undefined
  for (const route of routes) {
    const [, name, reference = ''] = route.pattern.exec(pathname.slice('/v2/'.length)) ?? []
    if (name !== undefined) return { route, name, reference }
  }
  return undefined
}

function actionOf({ handle }: Route, method: string): Action {
  if (handle === upload || handle === beginUpload || method === 'PUT') return 'push'
  return method === 'DELETE' ? 'delete' : 'pull'
}

function checkRights(gate: Gate, caller: Caller, repository: string, route: Route, method: string): void {
  const action = actionOf(route, method)
  // Who pushes looks first what is there already.
  if (method === 'HEAD' && gate.allows(caller, repository, 'push')) return
  gate.check(caller, { repository, action })
}

/** The repositories that the caller may know of. Throws UNAUTHORIZED if that is asked for without a name, or another token. */
async function namesFor({ gate, repositories }: RegistryParts, caller: Caller): Promise<string[]> {
  if (gate && !gate.mayList(caller)) throw new RegistryError('UNAUTHORIZED', 'authentication required')
  const names = await repositories.names()
  return gate ? names.filter(name => gate.sees(caller, name)) : names
}

// Of a token that was understood (RFC 6750, section 3.1).
const tooLittle = ',error="insufficient_scope"'

/** The challenge for a request that was refused for want of credentials. */
function challengeFor(gate: Gate, request: IncomingMessage): string {
  const { pathname } = targetOf(request.url ?? '/')
  const found = findRoute(pathname)
  const wanted = found ? { repository: found.name, action: actionOf(found.route, request.method ?? 'GET') } : {}
  return gate.challenge(request.headers, request.socket instanceof TLSSocket, wanted, pathname === '/v2/_catalog')
}

// What can't be decoded names nothing.
function targetOf(target: string): { pathname: string; query: URLSearchParams } {
  const [path = '', ...query] = target.split('?')
  try {
    return { pathname: decodeURIComponent(path), query: new URLSearchParams(query.join('?')) }
  } catch {
    throw new RegistryError('NAME_INVALID', 'the path is not well encoded')
  }
}
