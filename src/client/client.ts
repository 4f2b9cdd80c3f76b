// An Engine API client: requests over one kept-alive connection pool, and connections taken over for raw streams.

import type * as Http from 'node:http'
import { isIP } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { type ErrorKind, GantryError, unavailable } from '../lib/errors.ts'
import { http, loadHttps } from '../lib/http.ts'
import { type Address, parseAddress } from './address.ts'
import type { TlsCredentials } from './tls.ts'

/** A query value; undefined is left out, a list repeats the key, and an object is sent as JSON. */
export type QueryValue = string | number | boolean | readonly string[] | object | undefined
export type Query = Readonly<Record<string, QueryValue>>

export interface RequestOptions {
  readonly query?: Query
  /** Sent as JSON. */
  readonly body?: object
  /** Sent as it is; excludes `body`. */
  readonly input?: Readable
  readonly contentType?: string
  /** Besides those that say what the body is. */
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** An error that the engine answered with. */
export class EngineError extends GantryError {
  readonly status: number

  constructor(status: number, message: string) {
    super(kindOfStatus(status), message)
    this.name = 'EngineError'
    this.status = status
  }
}

/** Talks to one engine. Every method throws EngineError if the engine refuses, `unavailable` if it can't be reached. */
export class Client implements Disposable {
  readonly address: Address
  readonly #transport: Pick<typeof Http, 'request' | 'Agent'>
  readonly #credentials: TlsCredentials | undefined
  readonly #agent: Http.Agent

  /** With `credentials` an engine that isn't on this host is spoken to over TLS. */
  constructor(address: string, credentials?: TlsCredentials) {
    this.address = parseAddress(address, credentials !== undefined)
    this.#credentials = this.address.kind === 'tcp' ? credentials : undefined
    this.#transport = this.#credentials ? loadHttps() : http
    this.#agent = new this.#transport.Agent({ keepAlive: true })
  }

  /** Sends a request and returns its answer with the body unread. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Http.IncomingMessage> {
    const request = this.#open(method, path, options, this.#agent)
    const answered = new Promise<Http.IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.on('error', error => reject(this.#unreachable(error)))
    })
    sendBody(request, options)
    const response = await answered
    if (isFailure(response)) throw await engineError(response)
    return response
  }

  /** The JSON value of an answer. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const text = await this.text(method, path, options)
    return JSON.parse(text)
  }

  /** The body of an answer as text. */
  async text(method: string, path: string, options: RequestOptions = {}): Promise<string> {
    const response = await this.request(method, path, options)
    return (await buffer(response)).toString()
  }

  /** Takes the connection over: what the engine writes is read from the result, what is written goes to the engine. */
  async hijack(method: string, path: string, options: RequestOptions = {}): Promise<Duplex> {
    const request = this.#open(method, path, options, false, { Connection: 'Upgrade', Upgrade: 'tcp' })
    const upgraded = new Promise<Duplex>((resolve, reject) => {
      request.once('upgrade', (_response, socket, head) => {
        if (head.length > 0) socket.unshift(head)
        resolve(socket)
      })
      request.once('response', response => void engineError(response).then(reject))
      request.on('error', error => reject(this.#unreachable(error)))
    })
    sendBody(request, options)
    return upgraded
  }

  [Symbol.dispose]() {
    this.#agent.destroy()
  }

  #open(method: string, path: string, options: RequestOptions, agent: Http.Agent | false, extra: object = {}) {
    const target = this.address.kind === 'unix' ? { socketPath: this.address.path } : addressOf(this.address)
    return this.#transport.request({
      ...target,
      ...this.#credentials,
      method,
      agent,
      path: path + encodeQuery(options.query),
      headers: { Host: 'gantry', ...contentHeaders(options), ...options.headers, ...extra },
      signal: options.signal,
    })
  }

  #unreachable(error: Error): Error {
    if (!('syscall' in error) || error.syscall !== 'connect') return error
    const why = 'code' in error && error.code === 'EACCES' ? 'permission denied' : 'is gantryd running?'
    return unavailable(`Cannot connect to the engine at ${this.address.text}: ${why}`, { cause: error })
  }
}

// The Host header is no name that the engine's certificate could be for.
const addressOf = ({ host, port }: Extract<Address, { kind: 'tcp' }>) => ({
  host,
  port,
  servername: isIP(host) === 0 ? host : '',
})

function contentHeaders(options: RequestOptions): Record<string, string> {
  if (options.body) return { 'Content-Type': 'application/json' }
  if (options.input) return { 'Content-Type': options.contentType ?? 'application/x-tar' }
  return {}
}

function sendBody(request: Http.ClientRequest, options: RequestOptions) {
  if (!options.input) {
    request.end(options.body ? JSON.stringify(options.body) : undefined)
    return
  }
  options.input.once('error', error => request.destroy(error))
  // An engine may refuse before it has read everything; the answer is then what counts, not the broken pipe. One that
  // only begins to tell how far it is goes on reading.
  request.once('response', response => {
    if (isFailure(response)) options.input?.unpipe(request)
    else response.once('close', () => options.input?.unpipe(request))
  })
  options.input.pipe(request)
}

/** `?a=1&b=…` in Docker's forms: true is 1, false is 0, objects are JSON. Empty if nothing is set. */
export function encodeQuery(query: Query = {}): string {
  const parameters = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (Array.isArray(value)) for (const item of value) parameters.append(key, String(item))
    else parameters.append(key, queryText(value))
  }
  return parameters.size > 0 ? `?${parameters}` : ''
}

function queryText(value: string | number | boolean | object): string {
  if (typeof value === 'boolean') return value ? '1' : '0'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const isFailure = (response: Http.IncomingMessage) => (response.statusCode ?? 500) >= 400

async function engineError(response: Http.IncomingMessage): Promise<EngineError> {
  const status = response.statusCode ?? 500
  const text = (await buffer(response)).toString().trim()
  return new EngineError(status, messageIn(text) || `The engine answered ${status} ${response.statusMessage}`)
}

function messageIn(text: string): string {
  try {
    const answer: { message?: unknown } | null = JSON.parse(text)
    return typeof answer?.message === 'string' ? answer.message : text
  } catch {
    return text
  }
}

const statusKinds: Readonly<Record<number, ErrorKind>> = {
  304: 'notModified',
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'notFound',
  409: 'conflict',
  501: 'notImplemented',
  503: 'unavailable',
}

const kindOfStatus = (status: number): ErrorKind => statusKinds[status] ?? 'system'
