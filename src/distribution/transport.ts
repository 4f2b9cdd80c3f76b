// Requests to registries over HTTP: connections, certificates, proxies, time limits and redirects. Knows no credentials of its own.

import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type SecureContext, createSecureContext, getCACertificates } from 'node:tls'
import type { Dispatcher } from 'undici'
import { GantryError, invalid, messageOf, unavailable } from '../lib/errors.ts'
import { type HostCertificates, certificatesFor } from './certificates.ts'
import type { Endpoint, RegistrySettings } from './endpoints.ts'
import { proxyFor } from './proxies.ts'
import { reasonOf } from './reasons.ts'

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
  /** Milliseconds for which it may be silent. */
  readonly patience: number
}

/** The way to a server is broken, which may pass. */
export class ConnectionError extends GantryError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('unavailable', message, options)
  }
}

/** Milliseconds. */
const connectTimeout = 20_000
const maximumRedirects = 10
/** Largest answer that is read as a whole, such as an error, a token or a list of tags. */
const maximumText = 16 << 20
/** Servers to which connections are kept. */
const maximumKept = 32

const redirects = new Set([301, 302, 303, 307, 308])

/** Connections to registries, as the settings say. Close it when it is no longer used. */
export class Transport {
  readonly #settings: RegistrySettings
  /** Those used last are last. */
  readonly #dispatchers = new Map<string, Dispatcher>()
  #closed = false

  constructor(settings: RegistrySettings) {
    this.#settings = settings
  }

  /** Milliseconds for which a server may be silent, or take nothing. */
  get patience(): number {
    return this.#settings.patience
  }

  /**
   * Sends a request on behalf of `endpoint` and follows redirects of what has no body: not from HTTPS to HTTP unless the
   * endpoint is insecure, and without authorization from the first other origin on. Rejects with a ConnectionError if the
   * server can't be reached or says nothing.
   */
  async request(endpoint: Pick<Endpoint, 'host' | 'secure'>, outgoing: Outgoing): Promise<Incoming> {
    let url = new URL(outgoing.url)
    let { authorization } = outgoing
    for (let hop = 0; hop <= maximumRedirects; hop++) {
      const answer = await this.#send(endpoint, url, { ...outgoing, authorization })
      const next = redirectOf(answer, outgoing)
      if (next === undefined) return answer
      answer.body.destroy()
      if (!['http:', 'https:'].includes(next.protocol)) {
        throw unavailable(`${url.host} redirects to ${shown(next).slice(0, 200)}, which is no address of a web server`)
      }
      if (url.protocol === 'https:' && next.protocol === 'http:' && endpoint.secure) {
        throw unavailable(`${url.host} redirects to ${next.host} without encryption, which is not followed`)
      }
      if (next.origin !== url.origin) authorization = undefined
      url = next
    }
    throw unavailable(`${new URL(outgoing.url).host} redirects more than ${maximumRedirects} times`)
  }

  async #send(endpoint: Pick<Endpoint, 'host' | 'secure'>, url: URL, outgoing: Outgoing): Promise<Incoming> {
    const { method, body, signal, authorization } = outgoing
    signal?.throwIfAborted()
    this.#checkOpen()
    const dispatcher = await this.#dispatcherFor(endpoint, url)
    const headers = {
      'user-agent': this.#settings.userAgent,
      ...outgoing.headers,
      ...(authorization !== undefined && { authorization }),
    }
    const options = { method, path: url.pathname + url.search, origin: url.origin, headers, body, signal }
    const { patience } = this.#settings
    const limits = { headersTimeout: patience, bodyTimeout: patience }
    try {
      const answer = await dispatcher.request({ ...options, ...limits } as Dispatcher.RequestOptions)
      // Who reads it sees what goes wrong; one that is thrown away must not end the process.
      answer.body.on('error', () => {})
      return { status: answer.statusCode, headers: answer.headers, body: answer.body, url: url.href, patience }
    } catch (cause) {
      signal?.throwIfAborted()
      this.#checkOpen()
      throw new ConnectionError(`${inGo(method)} "${shown(url)}": ${reasonOf(cause, url)}`, { cause })
    }
  }

  // Not to be tried again.
  #checkOpen(): void {
    if (this.#closed) throw unavailable('connections to registries are closed')
  }

  // Certificates are looked up each time: who has just put one there expects that it counts.
  async #dispatcherFor({ host, secure }: Pick<Endpoint, 'host' | 'secure'>, url: URL): Promise<Dispatcher> {
    const { certificates: directories } = this.#settings
    const isEncrypted = url.protocol === 'https:'
    const own = isEncrypted ? await certificatesFor(directories, url.host) : none
    // Services that a registry names are often signed by the same authority.
    const named = isEncrypted && url.host !== host ? await certificatesFor(directories, host) : none
    const certificates = { authorities: [...own.authorities, ...named.authorities], client: own.client }
    const key = `${url.origin} ${secure} ${digest(certificates)}`
    const known = this.#dispatchers.get(key) ?? (await this.#connect(url, secure, certificates))
    this.#dispatchers.delete(key)
    this.#dispatchers.set(key, known)
    for (const [oldest, dispatcher] of this.#dispatchers) {
      if (this.#dispatchers.size <= maximumKept) break
      this.#dispatchers.delete(oldest)
      // Requests under way end before.
      dispatcher.close().catch(() => {})
    }
    return known
  }

  async #connect(url: URL, secure: boolean, certificates: HostCertificates): Promise<Dispatcher> {
    const { Agent, ProxyAgent } = await import('undici')
    const tls = {
      rejectUnauthorized: secure,
      allowH2: false,
      timeout: connectTimeout,
      ...(url.protocol === 'https:' && { secureContext: contextOf(url, certificates) }),
    }
    const common = { allowH2: false, connections: 16, pipelining: 1 }
    const proxy = proxyFor(this.#settings, url)
    if (proxy === undefined) return new Agent({ ...common, connect: tls })
    const proxyTls = { allowH2: false, timeout: connectTimeout, secureContext: contextOf(url, none) }
    return new ProxyAgent({ ...common, uri: proxy, requestTls: tls, proxyTls, proxyTunnel: false })
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closed = true
    const all = [...this.#dispatchers.values()]
    this.#dispatchers.clear()
    await Promise.allSettled(all.map(async dispatcher => await dispatcher.destroy()))
  }
}

const none: HostCertificates = { authorities: [], client: [] }

const digest = (value: HostCertificates) => createHash('sha256').update(JSON.stringify(value)).digest('hex')

let authorities: string[] | undefined

/** The authorities that this system trusts; those that Node brings if it has none. */
function trusted(): string[] {
  if (authorities === undefined) {
    const system = getCACertificates('system')
    authorities = system.length > 0 ? system : getCACertificates('bundled')
  }
  return authorities
}

/** For connections without certificates of their own; made once, as reading all authorities takes tens of milliseconds. */
let usual: SecureContext | undefined

/** What TLS connections are made with. Throws `invalid` for certificates that can't be read. */
function contextOf({ host }: URL, { authorities: own, client }: HostCertificates): SecureContext {
  const isUsual = own.length + client.length === 0
  if (isUsual && usual) return usual
  try {
    const context = createSecureContext({
      ca: [...trusted(), ...own],
      ...(client.length > 0 && {
        cert: client.map(({ certificate }) => certificate),
        key: client.map(({ key }) => key),
      }),
    })
    if (isUsual) usual = context
    return context
  } catch (cause) {
    throw invalid(`the certificates for ${host} can't be used: ${messageOf(cause)}`, { cause })
  }
}

/** Where a request is to be sent instead; undefined if that is not asked, or would repeat a body. */
function redirectOf({ status, headers, body, url }: Incoming, outgoing: Outgoing): URL | undefined {
  const { location } = headers
  if (!redirects.has(status) || typeof location !== 'string' || outgoing.body !== undefined) return undefined
  const reads = outgoing.method === 'GET' || outgoing.method === 'HEAD'
  if (!reads && status !== 307 && status !== 308) return undefined
  if (URL.canParse(location, url)) return new URL(location, url)
  body.destroy()
  throw unavailable(`${new URL(url).host} redirects to ${JSON.stringify(location.slice(0, 200))}, which is no address`)
}

/** The whole of a small answer as text; more than 16 megabytes are an error. */
export async function readText(answer: Incoming): Promise<string> {
  return (await readBytes(answer, maximumText)).toString()
}

/** All of an answer, which may have at most `maximum` bytes. Throws `unavailable` if it has more, takes too long or is cut off. */
export async function readBytes({ body, url, patience }: Incoming, maximum: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  const what = `the answer of ${shown(new URL(url))}`
  const deadline = setTimeout(() => void body.destroy(unavailable(`${what} takes too long`)), patience)
  try {
    for await (const chunk of body) {
      size += (chunk as Buffer).length
      if (size > maximum) throw unavailable(`${what} has more than ${maximum} bytes`)
      chunks.push(chunk as Buffer)
    }
  } catch (error) {
    if (error instanceof GantryError) throw error
    throw new ConnectionError(`${what} was cut off: ${reasonOf(error, new URL(url))}`, { cause: error })
  } finally {
    clearTimeout(deadline)
  }
  return Buffer.concat(chunks)
}

/** A header that has one value. */
export const headerOf = ({ headers }: Pick<Incoming, 'headers'>, name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** The address for a message: the query of a redirect may hold a signature that lets anyone in. */
export const shown = ({ protocol, host, pathname }: URL): string => `${protocol}//${host}${pathname}`

/** A method as Go's programs write it in their errors. */
export const inGo = (method: string): string => method[0] + method.slice(1).toLowerCase()
