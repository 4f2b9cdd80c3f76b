// A request to the registry as its handlers see it, and their answers.

import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Readable } from 'node:stream'
import type { Repositories } from '../repositories.ts'
import type { Repository } from '../repository.ts'
import type { Gate } from '../auth/gate.ts'
import type { PullThrough } from '../cache/pull-through.ts'
import type { Origin } from '../cache/remotes.ts'
import type { Storage } from '../storage.ts'
import type { Uploads } from '../uploads.ts'

/** What handlers work with. */
export interface RegistryParts {
  readonly storage: Storage
  readonly repositories: Repositories
  readonly uploads: Uploads
  /** Undefined if everyone may do everything. */
  readonly gate?: Gate | undefined
  /** Undefined if no repository is another registry's. */
  readonly cache?: PullThrough | undefined
}

/** One request, its path taken apart and checked. */
export interface RegistryCall extends RegistryParts {
  readonly method: string
  readonly repository: Repository
  /** The last part of the path: a digest, a tag, an upload's id. */
  readonly reference: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: IncomingMessage
  /** True if the caller may read that repository, too. */
  readonly mayRead: (repository: string) => boolean
  /** Where the repository comes from, if it is another registry's. */
  readonly origin: Origin | undefined
}

/** An answer: without a body, with a small one, or with a stream of as many bytes as its Content-Length says. */
export interface RegistryAnswer {
  readonly status: number
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Buffer | string | Readable
}

// These have no content, nor a length of it (RFC 9110, section 8.6).
const bodiless = new Set([204, 304])

/** Sends an answer. A stream that fails cuts the connection: the client sees that something is missing. */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: RegistryAnswer,
): Promise<void> {
  const { status, headers = {}, body = '' } = answer
  const known = typeof body === 'string' || Buffer.isBuffer(body)
  const length = known && !bodiless.has(status) ? { 'content-length': Buffer.byteLength(body) } : {}
  response.writeHead(status, { ...length, ...headers })
  if (known) return void response.end(request.method === 'HEAD' ? undefined : body)
  try {
    await pipeline(body, response)
  } catch {
    response.destroy()
  }
}
