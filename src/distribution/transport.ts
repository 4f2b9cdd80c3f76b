// Requests to registries over HTTP: connections, certificates, proxies, time limits and redirects. Knows no credentials of its own.

import { rootCertificates } from 'node:tls'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { unavailable } from '../lib/errors.ts'
import { certificatesFor } from './certificates.ts'
import { type Endpoint, type RegistrySettings, hostName, isLoopback } from './endpoints.ts'

export interface Outgoing {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | AsyncIterable<Uint8Array>
  /** Sent to the origin of `url` only, wherever that redirects to. */
  readonly authorization?: string
  readonly signal?: AbortSignal
}

export interface Incoming {
  readonly status: number
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** To be read to its end, or destroyed. */
  readonly body: Readable
  /** Where it came from, after redirects. */
  readonly url: string
}

/** Milliseconds. A registry that is silent for so long is given up. */
const connectTimeout = 20_000
const headersTimeout = 60_000
const bodyTimeout = 60_000
const maximumRedirects = 10
/** Largest answer that is read as a whole, such as an error or a token. */
const maximumText = 1 << 20

const redirects = new Set([301, 302, 303, 307, 308])

/** Connections to registries, as the settings say. Close it when it is no longer used. */
export class Transport {
  readonly #settings: RegistrySettings
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>()

  constructor(settings: RegistrySettings) {
    this.#settings = settings
  }

  /**
   * Sends a request and follows redirects of GET and HEAD: never from HTTPS to HTTP, and without authorization to another
   * origin. Rejects with `unavailable` if the server can't be reached or says nothing.
   */
  async request(endpoint: Pick<Endpoint, 'origin' | 'secure'>, outgoing: Outgoing): Promise<Incoming> {
    const start = new URL(outgoing.url)
    let url = start
    for (let hop = 0; hop <= maximumRedirects; hop++) {
      const authorization = url.origin === start.origin ? outgoing.authorization : undefined
      const secure = url.origin === start.origin ? endpoint.secure : true
      const answer = await this.#send(url, secure, { ...outgoing, authorization })
      const { location } = answer.headers
      const follow = redirects.has(answer.status) && (outgoing.method === 'GET' || outgoing.method === 'HEAD')
      if (!follow || typeof location !== 'string') return answer
      answer.body.destroy()
      const next = URL.canParse(location, url) ? new URL(location, url) : undefined
      if (!next || !['http:', 'https:'].includes(next.protocol)) {
        throw unavailable(`${url.host} redirects to ${JSON.stringify(location.slice(0, 200))}, which is no address`)
      }
      if (url.protocol === 'https:' && next.protocol === 'http:') {
        throw unavailable(`${url.host} redirects to ${next.host} without encryption, which is not followed`)
      }
      url = next
    }
    throw unavailable(`${start.host} redirects more than ${maximumRedirects} times`)
  }

  async #send(url: URL, secure: boolean, outgoing: Outgoing): Promise<Incoming> {
    const { method, body, signal, authorization } = outgoing
    const dispatcher = await this.#dispatcherFor(url, secure)
    const headers = {
      'user-agent': this.#settings.userAgent,
      ...outgoing.headers,
      ...(authorization !== undefined && { authorization }),
    }
    try {
      const options = { method, path: url.pathname + url.search, origin: url.origin, headers, body, signal }
      const answer = await dispatcher.request({ ...options, headersTimeout, bodyTimeout } as Dispatcher.RequestOptions)
      return { status: answer.statusCode, headers: answer.headers, body: answer.body, url: url.href }
    } catch (cause) {
      signal?.throwIfAborted()
      throw unavailable(`${method} ${JSON.stringify(shown(url))}: ${reasonOf(cause)}`, { cause })
    }
  }

  #dispatcherFor(url: URL, secure: boolean): Promise<Dispatcher> {
    const key = `${url.origin} ${secure}`
    const known = this.#dispatchers.get(key) ?? this.#connect(url, secure)
    this.#dispatchers.set(key, known)
    known.catch(() => this.#dispatchers.delete(key))
    return known
  }

  async #connect(url: URL, secure: boolean): Promise<Dispatcher> {
    const { Agent, EnvHttpProxyAgent } = await import('undici')
    const { httpProxy, httpsProxy, noProxy, certificates } = this.#settings
    const own = await certificatesFor(certificates, url.host)
    const tls = {
      rejectUnauthorized: secure,
      ...(own.authorities.length > 0 && { ca: [...rootCertificates, ...own.authorities] }),
      ...(own.client.length > 0 && {
        cert: own.client.map(({ certificate }) => certificate),
        key: own.client.map(({ key }) => key),
      }),
    }
    const common = { connect: { ...tls, timeout: connectTimeout }, connections: 16, pipelining: 1 }
    // As every program does: this machine is not behind the proxy.
    if (isLoopback(hostName(url.host))) return new Agent(common)
    return new EnvHttpProxyAgent({
      ...common,
      requestTls: tls,
      ...(httpProxy !== '' && { httpProxy }),
      ...(httpsProxy !== '' && { httpsProxy }),
      ...(noProxy !== '' && { noProxy }),
    })
  }

  async close(): Promise<void> {
    const all = [...this.#dispatchers.values()]
    this.#dispatchers.clear()
    await Promise.allSettled(all.map(async dispatcher => await (await dispatcher).destroy()))
  }
}

/** The whole of a small answer as text; more than a megabyte is an error. */
export async function readText({ body, url }: Incoming): Promise<string> {
  return (await readBytes(body, maximumText, url)).toString()
}

/** All of `body`, which may have at most `maximum` bytes. Throws `unavailable` if it has more or is cut off. */
export async function readBytes(body: Readable, maximum: number, from: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  const deadline = AbortSignal.timeout(headersTimeout)
  const end = () => void body.destroy(unavailable(`the answer of ${shown(new URL(from))} takes too long`))
  deadline.addEventListener('abort', end)
  try {
    for await (const chunk of body) {
      size += (chunk as Buffer).length
      if (size > maximum) throw unavailable(`the answer of ${shown(new URL(from))} has more than ${maximum} bytes`)
      chunks.push(chunk as Buffer)
    }
  } finally {
    deadline.removeEventListener('abort', end)
  }
  return Buffer.concat(chunks)
}

/** A header that has one value. */
export const headerOf = ({ headers }: Pick<Incoming, 'headers'>, name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

// The query of a redirect may hold a signature that lets anyone in.
const shown = ({ origin, pathname }: URL) => `${origin}${pathname}`

/** What went wrong on the way, in a few words: the innermost reason says most. */
export function reasonOf(error: unknown): string {
  let innermost: unknown = error
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause
  if (innermost instanceof AggregateError && innermost.errors.length > 0) innermost = innermost.errors[0]
  return innermost instanceof Error ? innermost.message : String(innermost)
}
