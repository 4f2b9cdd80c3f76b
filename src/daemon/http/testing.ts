// A served socket and clients for it, for the tests of this folder.

import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http'
import { type Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Handlers } from '../../api/handler.ts'
import { type Log, silentLog } from '../../lib/log.ts'
import { ApiServer } from './server.ts'

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server on a socket of its own. */
export class TestServer implements AsyncDisposable {
  readonly path: string
  readonly #dir: string
  readonly #server: ApiServer

  private constructor(dir: string, server: ApiServer) {
    this.#dir = dir
    this.path = join(dir, 'api.sock')
    this.#server = server
  }

  static async start(handlers: Partial<Handlers>, log: Log = silentLog): Promise<TestServer> {
    const started = new TestServer(mkdtempSync(join(tmpdir(), 'api-')), new ApiServer({ handlers, log, version: '0' }))
    await started.#server.listen({ kind: 'unix', path: started.path, group: '', groupRequired: false })
    return started
  }

  /** Sends one request on a connection of its own. */
  async request(method: string, path: string, body?: string, options: RequestOptions = {}): Promise<Reply> {
    const headers = { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...options.headers }
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    request({ socketPath: this.path, method, path, agent: false, ...options, headers }, response => {
      const { statusCode: status = 0 } = response
      text(response).then(content => resolve({ status, headers: response.headers, body: content }), reject)
    })
      .on('error', reject)
      .end(body)
    return promise
  }

  /** A bare connection. */
  connect(): Socket {
    return connect({ path: this.path, allowHalfOpen: true })
  }

  async [Symbol.asyncDispose]() {
    await this.#server.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

/** Waits until what `socket` has received contains `mark`, and returns all of it. */
export function receive(socket: Socket, mark: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let seen = ''
  const onData = (chunk: Buffer) => {
    seen += chunk.toString('latin1')
    if (seen.includes(mark)) resolve(seen)
  }
  socket.on('data', onData).once('end', () => reject(new Error(`ended after ${JSON.stringify(seen)}`)))
  socket.once('error', reject)
  return promise.finally(() => socket.off('data', onData))
}
