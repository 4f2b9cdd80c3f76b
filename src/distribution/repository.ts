// A repository over HTTP (OCI distribution-spec): what is read of it. What is sent is in upload.ts.

import { invalid, unavailable } from '../lib/errors.ts'
import { type Digest, digestOf, isDigest } from '../oci/digest.ts'
import { type Descriptor, maximumManifestSize, mediaTypes, parseManifest } from '../oci/manifest.ts'
import { isMissing } from './errors.ts'
import type { BlobName, BlobOptions, CallOptions, PushOptions, RemoteManifest, Repository } from './remote.ts'
import type { Session } from './session.ts'
import { type Incoming, headerOf, readBytes, readText } from './transport.ts'
import { mountBlob, pushBlob } from './upload.ts'

const accepted = [
  mediaTypes.ociIndex,
  mediaTypes.dockerIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  '*/*;q=0.5',
].join(', ')

const pageSize = 1000
const maximumPages = 200
/** A registry that sends less than this many bytes in a minute is given up. */
const slowest = 16_384
const minute = 60_000

export interface RepositoryOptions {
  readonly name: string
  /** Within the registry. */
  readonly path: string
  /** Its addresses, in the order in which they are tried; called once. */
  readonly connect: (signal?: AbortSignal) => Promise<readonly Session[]>
}

export class HttpRepository implements Repository {
  readonly name: string
  readonly #path: string
  readonly #connect: RepositoryOptions['connect']
  #sessions: Promise<readonly Session[]> | undefined

  constructor({ name, path, connect }: RepositoryOptions) {
    this.name = name
    this.#path = path
    this.#connect = connect
  }

  async manifest(tagOrDigest: string, { signal }: CallOptions = {}): Promise<RemoteManifest> {
    return await this.#read(async session => {
      const answer = await session.request({
        method: 'GET',
        path: this.#at(`manifests/${tagOrDigest}`),
        headers: { accept: accepted },
        expect: [200],
        signal,
      })
      const bytes = await readBytes(answer.body, maximumManifestSize, answer.url)
      const digest = digestOf(bytes)
      const told = isDigest(tagOrDigest) ? tagOrDigest : headerOf(answer, 'docker-content-digest')
      if (isDigest(told) && told !== digest) throw invalid(`manifest verification failed for digest ${told}`)
      return { bytes, digest, mediaType: typeOf(answer) }
    }, signal)
  }

  async head(tagOrDigest: string, { signal }: CallOptions = {}): Promise<Descriptor | undefined> {
    const found = await this.#ask(`manifests/${tagOrDigest}`, signal, { accept: accepted })
    if (!found) return undefined
    const digest = headerOf(found, 'docker-content-digest')
    const size = Number(headerOf(found, 'content-length') ?? Number.NaN)
    if (isDigest(digest) && Number.isSafeInteger(size)) return { mediaType: typeOf(found), digest, size }
    const { bytes, mediaType, digest: own } = await this.manifest(tagOrDigest, { signal })
    return { mediaType, digest: own, size: bytes.length }
  }

  async *blob({ digest, size }: BlobName, { start = 0, signal }: BlobOptions = {}): AsyncGenerator<Buffer, void, void> {
    const answer = await this.#read(
      async session =>
        await session.request({
          method: 'GET',
          path: this.#at(`blobs/${digest}`),
          ...(start > 0 && { headers: { range: `bytes=${start}-` } }),
          expect: [200, 206],
          signal,
        }),
      signal,
    )
    yield* checked(answer, { digest, size }, start)
  }

  async *tags({ signal }: CallOptions = {}): AsyncGenerator<string, void, void> {
    const session = await this.#origin(signal)
    let path: string | undefined = this.#at(`tags/list?n=${pageSize}`)
    for (let page = 0; path !== undefined && page < maximumPages; page++) {
      const answer: Incoming = await session.request({ method: 'GET', path, expect: [200], signal })
      yield* tagsIn(await readText(answer))
      path = nextPage(answer)
    }
    if (path !== undefined) throw unavailable(`${this.name} has more than ${pageSize * maximumPages} tags`)
  }

  async referrers(digest: Digest, { signal }: CallOptions = {}): Promise<Descriptor[]> {
    const session = await this.#origin(signal)
    try {
      const path = this.#at(`referrers/${digest}`)
      const answer = await session.request({ method: 'GET', path, expect: [200], signal })
      return manifestsIn(await readBytes(answer.body, maximumManifestSize, answer.url))
    } catch (error) {
      if (!isMissing(error)) throw error
    }
    try {
      return manifestsIn((await this.manifest(digest.replace(':', '-'), { signal })).bytes)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async hasBlob(digest: Digest, { signal }: CallOptions = {}): Promise<boolean> {
    return (await this.#ask(`blobs/${digest}`, signal)) !== undefined
  }

  async mountBlob(digest: Digest, path: string, { signal }: CallOptions = {}): Promise<boolean> {
    return await mountBlob(await this.#origin(signal), this.#path, digest, path, signal)
  }

  async pushBlob(
    blob: BlobName,
    open: (start: number) => AsyncIterable<Uint8Array>,
    options: PushOptions = {},
  ): Promise<void> {
    await pushBlob(await this.#origin(options.signal), this.#path, blob, open, options)
  }

  async pushManifest(
    tagOrDigest: string,
    body: Buffer,
    mediaType: string,
    { signal }: CallOptions = {},
  ): Promise<Digest> {
    const session = await this.#origin(signal)
    const path = this.#at(`manifests/${tagOrDigest}`)
    const headers = { 'content-type': mediaType }
    const answer = await session.request({ method: 'PUT', path, headers, body, expect: [201, 202], signal })
    await readText(answer)
    const digest = digestOf(body)
    const told = headerOf(answer, 'docker-content-digest')
    if (isDigest(told) && told !== digest) throw invalid(`${this.name} stored ${told} instead of ${digest}`)
    return digest
  }

  #at(rest: string): string {
    return `/v2/${this.#path}/${rest}`
  }

  /** The answer's headers; undefined if there is no such thing. */
  async #ask(rest: string, signal: AbortSignal | undefined, headers = {}): Promise<Incoming | undefined> {
    return await this.#read(async session => {
      const answer = await session.request({
        method: 'HEAD',
        path: this.#at(rest),
        headers,
        expect: [200, 404],
        signal,
      })
      answer.body.resume()
      return answer.status === 200 ? answer : undefined
    }, signal)
  }

  async #all(signal: AbortSignal | undefined): Promise<readonly Session[]> {
    this.#sessions ??= this.#connect(signal)
    this.#sessions.catch(() => (this.#sessions = undefined))
    return await this.#sessions
  }

  /** The registry itself, not a mirror of it. */
  async #origin(signal: AbortSignal | undefined): Promise<Session> {
    const session = (await this.#all(signal)).find(({ endpoint }) => !endpoint.isMirror)
    if (!session) throw unavailable(`${this.name} can't be reached`)
    return session
  }

  // What a mirror lacks or can't say, the registry itself is asked for.
  async #read<T>(body: (session: Session) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const sessions = await this.#all(signal)
    for (const session of sessions.filter(({ endpoint }) => endpoint.isMirror)) {
      try {
        const found = await body(session)
        if (found !== undefined) return found
      } catch {
        signal?.throwIfAborted()
      }
    }
    return await body(await this.#origin(signal))
  }
}

const typeOf = (answer: Incoming): string => (headerOf(answer, 'content-type') ?? '').split(';', 1)[0]?.trim() ?? ''

/** The bytes of an answer that are the blob's from `start` on. */
async function* checked(
  answer: Incoming,
  { digest, size }: BlobName,
  start: number,
): AsyncGenerator<Buffer, void, void> {
  const { body, url } = answer
  const host = new URL(url).host
  let at = answer.status === 206 ? firstByte(answer, start) : 0
  const length = headerOf(answer, 'content-length')
  if (length !== undefined && at + Number(length) !== size) {
    body.destroy()
    throw invalid(`${host} has ${at + Number(length)} bytes for blob ${digest} instead of ${size}`)
  }
  using watch = watchRate(() => void body.destroy(unavailable(`${host} sends blob ${digest} too slowly`)))
  try {
    for await (const piece of body) {
      const chunk = piece as Buffer
      watch.count(chunk.length)
      const skip = Math.max(0, start - at)
      at += chunk.length
      if (at > size) throw invalid(`${host} has more than ${size} bytes for blob ${digest}`)
      if (skip < chunk.length) yield chunk.subarray(skip)
    }
  } catch (error) {
    if (error instanceof Error && 'kind' in error) throw error
    throw unavailable(`${host} stopped after ${at} of ${size} bytes of blob ${digest}`, { cause: error })
  } finally {
    body.destroy()
  }
  if (at < size) throw unavailable(`${host} stopped after ${at} of ${size} bytes of blob ${digest}`)
}

function firstByte(answer: Incoming, start: number): number {
  const first = /^bytes (\d+)-/.exec(headerOf(answer, 'content-range') ?? '')?.[1]
  if (first !== undefined && Number(first) <= start) return Number(first)
  answer.body.destroy()
  throw unavailable(`${new URL(answer.url).host} answered another part of a blob than the one asked for`)
}

function watchRate(tooSlow: () => void): Disposable & { count(bytes: number): void } {
  let bytes = 0
  const timer = setInterval(() => {
    if (bytes < slowest) tooSlow()
    bytes = 0
  }, minute).unref()
  return {
    count: more => void (bytes += more),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

function tagsIn(text: string): string[] {
  const value = parse(text)
  const tags = typeof value === 'object' && value !== null && 'tags' in value ? value.tags : []
  if (tags === null) return []
  if (!Array.isArray(tags)) throw unavailable('the registry answered no list of tags')
  return tags.filter((tag): tag is string => typeof tag === 'string' && /^\w[\w.-]{0,127}$/.test(tag))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unavailable('the registry answered no valid JSON', { cause })
  }
}

function manifestsIn(bytes: Buffer): Descriptor[] {
  const index = parseManifest(bytes)
  return index.kind === 'index' ? [...index.manifests] : []
}

/** The next page of a list on the same registry (RFC 8288, relation `next`). */
function nextPage(answer: Incoming): string | undefined {
  const target = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(headerOf(answer, 'link') ?? '')?.[1]
  if (target === undefined || !URL.canParse(target, answer.url)) return undefined
  const next = new URL(target, answer.url)
  return next.origin === new URL(answer.url).origin ? next.href : undefined
}
