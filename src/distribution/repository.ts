// A repository over HTTP (OCI distribution-spec): what is read of it. What is sent is in upload.ts.

import { invalid, messageOf, unavailable } from '../lib/errors.ts'
import { type Digest, digestOf, isDigest } from '../oci/digest.ts'
import { type Descriptor, maximumManifestSize, mediaTypes, parseManifest } from '../oci/manifest.ts'
import { checkedBytes } from './blob-bytes.ts'
import { isMissing } from './errors.ts'
import type { BlobName, BlobOptions, CallOptions, PushOptions, RemoteManifest, Repository } from './remote.ts'
import { type Session, unlessAborted } from './session.ts'
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

export interface RepositoryOptions {
  readonly name: string
  /** Within the registry. */
  readonly path: string
  /** Reaches the registry. */
  readonly origin: () => Promise<Session>
  /** Reach servers that are asked before, in this order. */
  readonly mirrors: readonly (() => Promise<Session>)[]
}

export class HttpRepository implements Repository {
  readonly name: string
  readonly #path: string
  readonly #options: RepositoryOptions
  readonly #mirrors: (() => Promise<Session>)[]
  /** Blobs that a mirror didn't give as it should. */
  readonly #disappointing = new Set<string>()
  #session: Promise<Session> | undefined

  constructor(options: RepositoryOptions) {
    this.name = options.name
    this.#path = options.path
    this.#options = options
    this.#mirrors = options.mirrors.map(once)
  }

  get withoutMirrors(): Repository | undefined {
    return this.#mirrors.length > 0 ? new HttpRepository({ ...this.#options, mirrors: [] }) : undefined
  }

  async reach({ signal }: CallOptions = {}): Promise<void> {
    await this.#origin(signal)
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
      const bytes = await readBytes(answer, maximumManifestSize)
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

  async *blob(blob: BlobName, { start = 0, signal }: BlobOptions = {}): AsyncGenerator<Buffer, void, void> {
    const { digest } = blob
    const key = ({ endpoint }: Session) => `${endpoint.origin} ${digest}`
    const [session, answer] = await this.#read(async asked => {
      if (this.#disappointing.has(key(asked))) return undefined
      const path = this.#at(`blobs/${digest}`)
      const headers = start > 0 ? { headers: { range: `bytes=${start}-` } } : {}
      return [asked, await asked.request({ method: 'GET', path, ...headers, expect: [200, 206], signal })] as const
    }, signal)
    try {
      yield* checkedBytes(answer, blob, start)
    } catch (error) {
      // The next attempt is for another server, and may succeed.
      if (!session.endpoint.isMirror) throw error
      this.#disappointing.add(key(session))
      throw unavailable(messageOf(error), { cause: error })
    }
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
    const path = this.#at(`referrers/${digest}`)
    try {
      return await this.#read(async session => {
        const answer = await session.request({ method: 'GET', path, expect: [200], signal, optional: true })
        return manifestsIn(await readBytes(answer, maximumManifestSize))
      }, signal)
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
    const [found] = await this.#read(async session => {
      const request = { method: 'HEAD', path: this.#at(rest), headers, expect: [200, 404], signal } as const
      const answer = await session.request(request)
      answer.body.resume()
      if (answer.status === 200) return [answer]
      return session.endpoint.isMirror ? undefined : []
    }, signal)
    return found
  }

  /** The registry itself, not a mirror of it. */
  async #origin(signal: AbortSignal | undefined): Promise<Session> {
    const session = this.#session ?? this.#options.origin()
    this.#session = session
    session.catch(() => {
      if (this.#session === session) this.#session = undefined
    })
    return await unlessAborted(session, signal)
  }

  // What a mirror lacks or can't say, the registry itself is asked for.
  async #read<T>(body: (session: Session) => Promise<T | undefined>, signal: AbortSignal | undefined): Promise<T> {
    for (const mirror of this.#mirrors) {
      try {
        const found = await body(await unlessAborted(mirror(), signal))
        if (found !== undefined) return found
      } catch {
        signal?.throwIfAborted()
      }
    }
    return (await body(await this.#origin(signal))) as T
  }
}

/** A function that is called at most once: one that can't be reached is not tried again. */
function once<T>(body: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => (result ??= body())
}

const typeOf = (answer: Incoming): string => (headerOf(answer, 'content-type') ?? '').split(';', 1)[0]?.trim() ?? ''

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
