// The registry over HTTP: from a request's path to its handler, and errors to their form.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { http } from '../../lib/http.ts'
import type { Log } from '../../lib/log.ts'
import { RegistryError, formatError, toRegistryError } from '../errors.ts'
import { parseRepositoryName } from '../names.ts'
import { blob } from './blobs.ts'
import { type RegistryAnswer, type RegistryCall, type RegistryParts, sendAnswer } from './call.ts'
import { catalog, referrers, tagList } from './lists.ts'
import { manifest } from './manifests.ts'
import { beginUpload, upload } from './uploads.ts'

interface Route {
  /** Of the path: the repository's name, and the reference. */
  readonly pattern: RegExp
  readonly methods: readonly string[]
  readonly handle: (call: RegistryCall) => Promise<RegistryAnswer>
}

// Names may contain the words that follow them: the last ones count. The upload's id comes before a blob's digest.
const routes: readonly Route[] = [
  { pattern: /^(.+)\/blobs\/uploads\/?()$/, methods: ['POST'], handle: beginUpload },
  { pattern: /^(.+)\/blobs\/uploads\/([^/]+)$/, methods: ['GET', 'PATCH', 'PUT', 'DELETE'], handle: upload },
  { pattern: /^(.+)\/blobs\/([^/]+)$/, methods: ['GET', 'HEAD', 'DELETE'], handle: blob },
  { pattern: /^(.+)\/manifests\/([^/]+)$/, methods: ['GET', 'HEAD', 'PUT', 'DELETE'], handle: manifest },
  { pattern: /^(.+)\/tags\/list()$/, methods: ['GET'], handle: tagList },
  { pattern: /^(.+)\/referrers\/([^/]+)$/, methods: ['GET'], handle: referrers },
]

const commonHeaders = { 'docker-distribution-api-version': 'registry/2.0', 'x-content-type-options': 'nosniff' }

export interface ServerOptions {
  /** Milliseconds after which a connection on which nothing moves is closed, with what is going on there. */
  readonly idleTime?: number
}

/** A server that answers for a registry; the caller listens and closes. */
export function createRegistryServer(
  parts: RegistryParts,
  log: Log,
  { idleTime = 120_000 }: ServerOptions = {},
): Server {
  // A blob takes as long as it takes; only the head of a request must come soon, and something must come.
  const limits = { headersTimeout: 60_000, requestTimeout: 0, keepAliveTimeout: idleTime }
  const server = http.createServer(limits, (request, response) => void serve(parts, log, request, response))
  return server.setTimeout(idleTime)
}

async function serve(parts: RegistryParts, log: Log, request: IncomingMessage, response: ServerResponse) {
  for (const [name, value] of Object.entries(commonHeaders)) response.setHeader(name, value)
  try {
    await sendAnswer(request, response, await answer(parts, request))
  } catch (thrown) {
    const error = toRegistryError(thrown)
    const what = { err: thrown, method: request.method, url: request.url }
    if (request.destroyed && !request.complete) log.debug(what, 'A client went away')
    else if (error !== thrown) log.error(what, 'A request failed')
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

async function answer(parts: RegistryParts, request: IncomingMessage): Promise<RegistryAnswer> {
  const { pathname, query } = targetOf(request.url ?? '/')
  const method = request.method ?? 'GET'
  if (pathname === '/v2' || pathname === '/v2/') {
    return { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }
  }
  const path = pathname.startsWith('/v2/') ? pathname.slice('/v2/'.length) : undefined
  if (path === '_catalog' && method === 'GET') return await catalog(await parts.repositories.names(), query)
  for (const { pattern, methods, handle } of path === undefined ? [] : routes) {
    const [, name, reference = ''] = pattern.exec(path ?? '') ?? []
    if (name === undefined) continue
    if (!methods.includes(method)) throw new RegistryError('UNSUPPORTED', `${method} is not possible here`)
    const repository = parts.repositories.open(parseRepositoryName(name))
    return await handle({ ...parts, method, repository, reference, query, headers: request.headers, body: request })
  }
  throw new RegistryError('UNSUPPORTED', 'the registry has nothing at this path', { status: 404 })
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
