// Requests to one address of a registry: with the authorization it asks for, and again when it is busy.

import { setTimeout as sleep } from 'node:timers/promises'
import { type Challenge, parseChallenges } from './challenge.ts'
import type { Endpoint } from './endpoints.ts'
import { registryError } from './errors.ts'
import type { Credentials } from './remote.ts'
import { type Granted, answerChallenges } from './tokens.ts'
import { type Incoming, type Outgoing, type Transport, headerOf, readText } from './transport.ts'

export interface SessionOptions {
  readonly transport: Transport
  readonly endpoint: Endpoint
  readonly credentials: Credentials | undefined
  /** What is going to be done, such as `repository:library/busybox:pull`. */
  readonly scopes: readonly string[]
}

export interface SessionRequest extends Pick<Outgoing, 'method' | 'headers' | 'signal'> {
  /** Below the origin, such as `/v2/name/tags/list`, or a whole address that the registry has given. */
  readonly path: string
  /** A stream can be sent once only. */
  readonly body?: Outgoing['body']
  /** What is an answer; any other becomes an error. */
  readonly expect: readonly number[]
}

/** How often a request is sent that the registry is too busy for. */
const attempts = 5
/** Milliseconds before the first repetition; twice as long before each next one. */
const firstPause = 500
/** Milliseconds that a registry may ask to wait. */
const longestPause = 30_000

const isBusy = (status: number) => status === 429 || (status >= 500 && status !== 501 && status !== 505)

export class Session {
  readonly endpoint: Endpoint
  readonly #transport: Transport
  readonly #credentials: Credentials | undefined
  readonly #scopes: Set<string>
  #challenges: readonly Challenge[] = []
  #granted: Promise<Granted> | undefined

  constructor({ transport, endpoint, credentials, scopes }: SessionOptions) {
    this.#transport = transport
    this.endpoint = endpoint
    this.#credentials = credentials
    this.#scopes = new Set(scopes)
  }

  /** Finds out whether there is a registry, and what it asks for. Rejects with `unavailable` if it can't be reached. */
  async ping(signal?: AbortSignal): Promise<void> {
    const url = `${this.endpoint.origin}/v2/`
    const answer = await this.#transport.request(this.endpoint, { method: 'GET', url, signal })
    const text = await readText(answer)
    if (answer.status === 401) this.#challenges = parseChallenges(answer.headers['www-authenticate'])
    else if (answer.status >= 500) throw registryError(`GET ${url}`, answer.status, text)
  }

  /** Asks for the right to do one more thing. */
  addScope(scope: string): void {
    if (this.#scopes.has(scope)) return
    this.#scopes.add(scope)
    this.#granted = undefined
  }

  /** Sends a request, several times if the registry is busy or wants to know who asks. Rejects as Repository's methods do. */
  async request(request: SessionRequest): Promise<Incoming> {
    const { method, signal, expect } = request
    const url = request.path.startsWith('/') ? this.endpoint.origin + request.path : request.path
    const once = request.body !== undefined && !Buffer.isBuffer(request.body)
    let refused = false
    for (let attempt = 1; ; attempt++) {
      const authorization = await this.#authorization(url, signal)
      const { headers, body } = request
      const answer = await this.#transport.request(this.endpoint, {
        method,
        url,
        headers,
        body,
        authorization,
        signal,
      })
      if (expect.includes(answer.status)) return answer
      if (answer.status === 401 && !refused) {
        refused = true
        this.#challenges = parseChallenges(answer.headers['www-authenticate'])
        this.#granted = undefined
        if (this.#challenges.length > 0 && !once) {
          await readText(answer)
          continue
        }
      }
      if (isBusy(answer.status) && attempt < attempts && !once) {
        answer.body.destroy()
        await sleep(pauseOf(answer, attempt), undefined, { signal })
        continue
      }
      const text = method === 'HEAD' ? '' : await readText(answer)
      throw registryError(`${method} ${new URL(url).origin}${new URL(url).pathname}`, answer.status, text)
    }
  }

  // What was given for the registry goes to no other place that it names.
  async #authorization(url: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    if (this.#challenges.length === 0 || new URL(url).origin !== new URL(this.endpoint.origin).origin) return undefined
    const known = await this.#granted
    if (known && known.until > Date.now()) return known.authorization
    const request = { endpoint: this.endpoint, credentials: this.#credentials, scopes: [...this.#scopes], signal }
    const granted = answerChallenges(this.#transport, this.#challenges, request)
    this.#granted = granted
    granted.catch(() => {
      if (this.#granted === granted) this.#granted = undefined
    })
    return (await granted).authorization
  }
}

function pauseOf(answer: Incoming, attempt: number): number {
  const asked = headerOf(answer, 'retry-after') ?? ''
  const seconds = /^\d+$/.test(asked) ? Number(asked) : (Date.parse(asked) - Date.now()) / 1000
  if (Number.isFinite(seconds)) return Math.min(longestPause, Math.max(0, seconds * 1000))
  return firstPause * 2 ** (attempt - 1) * (0.75 + Math.random() / 2)
}
