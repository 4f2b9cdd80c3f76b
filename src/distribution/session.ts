// Requests to one address of a registry: with the authorization it asks for, and again when it is busy.

import { GantryError } from '../lib/errors.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import type { Endpoint } from './endpoints.ts'
import { registryError } from './errors.ts'
import { persistently } from './persistence.ts'
import type { Credentials } from './remote.ts'
import { type Granted, answerChallenges } from './tokens.ts'
import { type Incoming, type Outgoing, type Transport, inGo, readText, shown } from './transport.ts'

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
  /** One can do without the answer: it is not asked for again if the registry is busy. */
  readonly optional?: boolean
}

export class Session {
  readonly endpoint: Endpoint
  readonly #options: SessionOptions
  #challenges: readonly Challenge[] = []
  #granted: Promise<Granted> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.endpoint = options.endpoint
  }

  /** Finds out whether there is a registry, and what it asks for. Rejects with `unavailable` if it can't be reached. */
  async ping(): Promise<void> {
    const url = `${this.endpoint.origin}/v2/`
    const answer = await this.#options.transport.request(this.endpoint, { method: 'GET', url })
    await readText(answer)
    if (answer.status === 401) this.#challenges = challengesOf(answer)
  }

  /** Milliseconds for which the registry may take no bytes. */
  get patience(): number {
    return this.#options.transport.patience
  }

  /** The same, with the right to do one more thing. */
  withScope(scope: string): Session {
    const other = new Session({ ...this.#options, scopes: [...this.#options.scopes, scope] })
    other.#challenges = this.#challenges
    return other
  }

  /** Sends a request, several times if the registry is busy or wants to know who asks. Rejects as Repository's methods do. */
  async request(request: SessionRequest): Promise<Incoming> {
    const { method, signal, expect, optional = false } = request
    const once = request.body !== undefined && !Buffer.isBuffer(request.body)
    const send = () => this.#send(request)
    let answer = await (once || optional ? send() : persistently(send, signal))
    if (expect.includes(answer.status)) return answer
    if (answer.status === 401 && this.#learn(answer) && !once) {
      await readText(answer)
      answer = await (optional ? send() : persistently(send, signal))
      if (expect.includes(answer.status)) return answer
    }
    const body = method === 'HEAD' ? '' : await readText(answer)
    throw registryError({ status: answer.status, body, challenges: challengesOf(answer) })
  }

  async #send({ method, path, headers, body, signal }: SessionRequest): Promise<Incoming> {
    const url = path.startsWith('/') ? this.endpoint.origin + path : path
    const authorization = await this.#authorization(method, new URL(url), signal)
    return await this.#options.transport.request(this.endpoint, { method, url, headers, body, authorization, signal })
  }

  /** What was sent was not enough: true if the registry says what would be. */
  #learn(answer: Incoming): boolean {
    this.#granted = undefined
    this.#challenges = challengesOf(answer)
    return this.#challenges.length > 0
  }

  // What was given for the registry goes to no other place that it names.
  async #authorization(method: string, url: URL, signal: AbortSignal | undefined): Promise<string | undefined> {
    if (this.#challenges.length === 0 || url.origin !== new URL(this.endpoint.origin).origin) return undefined
    for (;;) {
      this.#granted ??= this.#answer()
      const granted = this.#granted
      try {
        const { authorization, until } = await unlessAborted(granted, signal)
        if (until > Date.now()) return authorization
      } catch (error) {
        throw named(error, method, url)
      } finally {
        signal?.throwIfAborted()
      }
      if (this.#granted === granted) this.#granted = undefined
    }
  }

  // Who asked first may go away: others wait for it too.
  #answer(): Promise<Granted> {
    const granted = answerChallenges(this.#options.transport, this.#challenges, this.#options)
    granted.catch(() => {
      if (this.#granted === granted) this.#granted = undefined
    })
    return granted
  }
}

const challengesOf = ({ headers }: Incoming): Challenge[] => parseChallenges(headers['www-authenticate'])

// A registry's or its service's refusal says by itself what it is about.
function named(error: unknown, method: string, url: URL): unknown {
  if (!(error instanceof GantryError) || error.kind !== 'unauthorized' || 'status' in error) return error
  return new GantryError(error.kind, `${inGo(method)} "${shown(url)}": ${error.message}`, { cause: error })
}

/** What `promise` gives; rejects with the signal's reason if that comes first. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await promise
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => void aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
