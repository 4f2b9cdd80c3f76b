// The Engine API over HTTP/1.1: from a connection to a handler's answer.

import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http'
import type { Server as NetServer, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Answer, type Handlers, empty } from '../../api/handler.ts'
import { parseQuery, readQuery } from '../../api/query.ts'
import { newestApiVersion } from '../../api/version.ts'
import { messageOf, notFound } from '../../lib/errors.ts'
import { http } from '../../lib/http.ts'
import type { Log } from '../../lib/log.ts'
import { readBody } from './body.ts'
import { IncomingCall } from './call.ts'
import { HalfClosed } from './half-closed.ts'
import { type Hijacked, respondRaw, sendRaw } from './hijack.ts'
import { type ListenAddress, type TlsFiles, bindListener } from './listen.ts'
import { type Rendered, renderError, respond, send } from './respond.ts'
import { type Match, Router } from './router.ts'
import { sniff } from './sniff.ts'
import { statusOf } from './status.ts'
import { type Target, negotiate, parseTarget } from './target.ts'

export interface ApiServerOptions {
  /** Operations without a handler are answered as unknown. */
  readonly handlers: Partial<Handlers>
  readonly log: Log
  /** Gantry's own version, for the Server header. */
  readonly version: string
  /** What clients are told of experimental features: true if there are any. Default false. */
  readonly experimental?: boolean
}

// Pulls, logs and waits take as long as they take; only the head of a request must come soon. Connections are kept
// for longer than the 90 seconds after which Go's clients drop them, so that none is closed as it is being reused.
const limits = {
  maxHeaderSize: 1024 * 1024,
  headersTimeout: 60_000,
  requestTimeout: 0,
  keepAliveTimeout: 300_000,
} as const

/** Serves the Engine API on any number of listeners. */
export class ApiServer implements AsyncDisposable {
  readonly #router: Router
  readonly #log: Log
  readonly #headers: OutgoingHttpHeaders
  readonly #http: Server
  readonly #listeners: NetServer[] = []
  readonly #sockets = new Set<Socket>()
  readonly #bare = new WeakSet<Socket>()
  readonly #halfClosed = new HalfClosed()

  constructor({ handlers, log, version, experimental = false }: ApiServerOptions) {
    this.#router = new Router(handlers)
    this.#log = log
    this.#headers = {
      'Api-Version': newestApiVersion,
      'Docker-Experimental': String(experimental),
      Ostype: 'linux',
      Server: `Gantry/${version} (linux)`,
    }
    const shouldUpgradeCallback = (request: IncomingMessage) => this.#takesConnection(request)
    this.#http = http.createServer({ ...limits, shouldUpgradeCallback })
    this.#http.on('request', (request, response) => void this.#serve(request, response))
    this.#http.on('upgrade', (request, stream, head) => void this.#serveRaw(request, stream, head))
  }

  /** Binds one more address. Throws `system` with dockerd's words if that is not possible. */
  async listen(address: ListenAddress, tls?: TlsFiles): Promise<void> {
    const accept = (socket: Socket) => this.#accept(socket)
    const listener = await bindListener(address, { tls, accept, log: this.#log })
    listener.on('connection', (socket: Socket) => this.#track(socket))
    listener.on('error', error => this.#log.error({ err: error }, 'A listener failed'))
    this.#listeners.push(listener)
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    const closed = this.#listeners.map(listener => new Promise(resolve => listener.close(resolve)))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
    this.#http.close()
  }

  async [Symbol.asyncDispose]() {
    await this.close()
  }

  #track(socket: Socket) {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #accept(socket: Socket) {
    sniff(
      socket,
      first => this.#http.emit('connection', first),
      first => this.#bare.add(first),
    )
  }

  #takesConnection({ method = '', url = '' }: IncomingMessage): boolean {
    try {
      return this.#router.find(method, parseTarget(url).path)?.operation.route.hijacks ?? false
    } catch {
      return false
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse) {
    const { socket } = request
    response.once('finish', () => cutRefused(request, socket))
    response.on('error', error => this.#log.debug({ err: error }, 'A client went away'))
    try {
      const answer = await this.#answer(request, response)
      await respond(response, answer, { headers: this.#headers, log: this.#log })
    } catch (error) {
      if (response.headersSent || response.destroyed) response.destroy()
      else send(response, this.#headers, this.#failure(request, error))
    }
  }

  async #serveRaw(request: IncomingMessage, stream: Duplex, head: Buffer) {
    stream.on('error', error => this.#log.debug({ err: error }, 'A client went away'))
    if (head.length > 0) stream.unshift(head)
    const upgraded = !this.#bare.has(request.socket)
    const connection: Hijacked = {
      stream,
      socket: request.socket,
      request,
      upgraded,
      halfClosed: this.#halfClosed,
      headers: this.#headers,
    }
    try {
      await respondRaw(connection, await this.#answer(request, stream), this.#log)
    } catch (error) {
      sendRaw(connection, this.#failure(request, error))
    }
  }

  async #answer(request: IncomingMessage, out: ServerResponse | Duplex): Promise<Answer> {
    const { method = '', url = '' } = request
    this.#log.debug({ method, url }, 'Request')
    const target = parseTarget(url)
    if (method === 'OPTIONS') return empty(200)
    if (target.redirect !== undefined) return empty(301, { Location: target.redirect })
    const match = this.#router.find(method, target.path)
    if (!match) throw notFound('page not found')
    return this.#call(match, target, request, out)
  }

  async #call({ operation, params }: Match, target: Target, request: IncomingMessage, out: ServerResponse | Duplex) {
    const version = negotiate(target.version)
    const query = readQuery(operation.route.query, parseQuery(target.query))
    const body = await readBody(request, operation)
    return operation.handler(new IncomingCall(request, out, { params, query, body, version }))
  }

  #failure({ method, url = '' }: IncomingMessage, error: unknown): Rendered {
    const status = statusOf(error)
    if (status >= 500) this.#log.error({ err: error, method, url, status }, 'Request failed')
    // Clients older than 1.24 print what they get: spare their users the JSON.
    const old = /^\/v(?:0|1\.(?:1?\d|2[0-3]))\//.test(url)
    if (!old) return renderError(error)
    return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: `${messageOf(error)}\n` }
  }
}

// Milliseconds for a client to read the answer before the rest of what it sends is cut off; as long as Go's server takes.
const lingering = 500

// A body that was refused halfway is never read: the connection would stay, and nobody would see that the client is gone.
function cutRefused(request: IncomingMessage, socket: Socket) {
  if (request.complete) return
  setTimeout(() => socket.destroy(), lingering).unref()
}
