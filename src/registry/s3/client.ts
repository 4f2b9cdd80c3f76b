// Requests to an object store that speaks S3: signed, with limits of time, and repeated while that may help.

import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { AwsV4Signer } from 'aws4fetch'
import { XMLParser } from 'fast-xml-parser'
import { Agent, type Dispatcher, request } from 'undici'
import { messageOf } from '../../lib/errors.ts'

/** Where the objects are, and who asks for them. */
export interface S3Config {
  /** `https://HOST[:PORT]` */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** Begins all keys; empty, or with a slash at its end. */
  readonly prefix: string
  readonly accessKey: string
  readonly secretKey: string
  readonly sessionToken: string | undefined
  /** The bucket is part of the path; otherwise it is the first part of the host's name. */
  readonly pathStyle: boolean
}

interface Options {
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** An answer that was taken: a success, or that there is nothing. */
export interface S3Answer {
  readonly found: boolean
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** What is not to be repeated: the store understood, and refused. */
export class S3Error extends Error {
  /** As the store names it, such as NoSuchBucket; its status if it does not. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const attempts = 6
/** Milliseconds before the second attempt; twice that before each further one. */
const firstDelay = 200
/** Milliseconds in which an answer must begin, and in which something of it must come. */
const silence = 60_000

export class S3Client implements AsyncDisposable {
  readonly #config: S3Config
  readonly #base: string
  // Signing keys by day, which cost four hashes each.
  readonly #keys = new Map<string, ArrayBuffer>()
  readonly #agent = new Agent({ headersTimeout: silence, bodyTimeout: silence, connect: { timeout: 10_000 } })

  constructor(config: S3Config) {
    this.#config = config
    const { protocol, host } = new URL(config.endpoint)
    const { bucket } = config
    this.#base = config.pathStyle ? `${protocol}//${host}/${bucket}` : `${protocol}//${bucket}.${host}`
  }

  /** Begins the keys of all objects, as the store knows them. */
  get prefix(): string {
    return this.#config.prefix
  }

  /** The value of X-Amz-Copy-Source for an object. */
  sourceOf(key: string): string {
    return `/${this.#config.bucket}/${encoded(this.#config.prefix + key)}`
  }

  /**
   * One request for the object with this key, or for the bucket without one. `found` is false if there is no such object.
   * Throws S3Error if the store refuses, and the last failure if it can't be reached.
   */
  async call(method: Dispatcher.HttpMethod, key: string | undefined, options: Options = {}): Promise<S3Answer> {
    return await this.#repeated(async () => {
      const { statusCode, headers, body } = await this.#send(method, key, options)
      const bytes = Buffer.from(await body.arrayBuffer())
      const answer = { found: statusCode !== 404 || key === undefined, headers, body: bytes }
      // A copy that fails late is a success with an error in it, behind spaces that came while it went on. An object may have
      // anything in it.
      const failedLate = method !== 'GET' && bytes.includes('<Error>')
      if (statusCode < 300 && !failedLate) return answer
      const error = errorOf(method, key, statusCode, bytes)
      if (statusCode === 404 && error.code !== 'NoSuchBucket' && error.code !== 'NoSuchUpload' && key !== undefined)
        return answer
      throw isPassing(statusCode, error.code) ? new PassingError(error.message) : error
    })
  }

  /**
   * The bytes of an object, from `start` to `end`, both inclusive. A transfer that breaks goes on where it broke. Throws as
   * `call` does, and S3Error NoSuchKey if there is none.
   */
  async *bytes(key: string, start = 0, end?: number): AsyncGenerator<Buffer, void, void> {
    let at = start
    for (;;) {
      const body = await this.#bodyFrom(key, at, end)
      const before = at
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          at += chunk.length
          yield chunk
        }
        return
      } catch (error) {
        // What did not move at all is as broken as before.
        if (at === before) throw error
      } finally {
        body.destroy()
      }
    }
  }

  async #bodyFrom(key: string, start: number, end: number | undefined) {
    const headers: Record<string, string> =
      start > 0 || end !== undefined ? { range: `bytes=${start}-${end ?? ''}` } : {}
    return await this.#repeated(async () => {
      const { statusCode, body } = await this.#send('GET', key, { headers })
      if (statusCode === 200 || statusCode === 206) {
        if (statusCode === 200 && headers['range'] !== undefined) {
          body.on('error', () => {}).destroy()
          throw new S3Error('NotImplemented', 'the object store does not give parts of objects')
        }
        return body
      }
      const error = errorOf('GET', key, statusCode, Buffer.from(await body.arrayBuffer()))
      throw isPassing(statusCode, error.code) ? new PassingError(error.message) : error
    })
  }

  async #repeated<T>(send: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await send()
      } catch (error) {
        if (error instanceof S3Error || attempt === attempts) throw error
        await delay(firstDelay * 2 ** (attempt - 1) * (0.5 + Math.random()))
      }
    }
  }

  async #send(method: Dispatcher.HttpMethod, key: string | undefined, { query = {}, headers = {}, body }: Options) {
    const { region, accessKey, secretKey, sessionToken, prefix } = this.#config
    const url = new URL(key === undefined ? `${this.#base}/` : `${this.#base}/${encoded(prefix + key)}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const hash = createHash('sha256')
      .update(body ?? '')
      .digest('hex')
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers: { ...headers, 'x-amz-content-sha256': hash },
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service: 's3',
      region,
      cache: this.#keys,
    })
    const signed = await signer.sign()
    try {
      return await request(signed.url, {
        method,
        headers: Object.fromEntries(signed.headers),
        body: body ?? null,
        dispatcher: this.#agent,
      })
    } catch (cause) {
      throw new Error(`the object store at ${this.#config.endpoint} can't be reached: ${messageOf(cause)}`, { cause })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close()
  }
}

/** It may be otherwise the next time. */
class PassingError extends Error {}

const isPassing = (status: number, code: string) =>
  (status >= 500 && status !== 501) ||
  status === 429 ||
  status === 408 ||
  code === 'RequestTimeout' ||
  code === 'InternalError'

const encoded = (key: string) => key.split('/').map(encodeURIComponent).join('/')

const lists = new Set(['Contents', 'CommonPrefixes', 'Upload'])
const parser = new XMLParser({ parseTagValue: false, isArray: name => lists.has(name) })

/** Reads XML of S3's; what is listed is always an array, and every value a string. Throws for what is none. */
export function parseXml(bytes: Buffer): Readonly<Record<string, unknown>> {
  return parser.parse(bytes.toString()) as Record<string, unknown>
}

function errorOf(method: string, key: string | undefined, status: number, body: Buffer): S3Error {
  const { Code: code = String(status), Message: message = '' } = errorIn(body)
  const what = `${method} ${key === undefined ? 'of the bucket' : key}`
  return new S3Error(code, `the object store refused ${what}: ${code}${message && `: ${message}`}`)
}

function errorIn(body: Buffer): { Code?: string; Message?: string } {
  try {
    return (parseXml(body)['Error'] ?? {}) as { Code?: string; Message?: string }
  } catch {
    return {}
  }
}
