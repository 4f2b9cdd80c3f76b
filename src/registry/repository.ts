// A repository: which blobs, manifests and tags belong to it. Content itself is kept once for all repositories.
//
//     blobs/<algorithm>/<2 hex>/<hex>                            content
//     repositories/<name>/_blobs/<algorithm>/<hex>               a blob that the repository has
//     repositories/<name>/_manifests/<algorithm>/<hex>           a manifest: its type
//     repositories/<name>/_tags/<tag>                            the manifest's digest
//     repositories/<name>/_referrers/<a>/<subject>/<a>/<hex>     a manifest about another: its descriptor

import { Locks } from '../lib/locks.ts'
import { type Algorithm, type ContentDigest, contentDigestOf, isContentDigest, partsOf } from './digest.ts'
import { RegistryError } from './errors.ts'
import { type ManifestFacts, readManifest } from './manifest.ts'
import { isTag } from './names.ts'
import type { Received, Storage } from './storage.ts'

/** A manifest as it was pushed. */
export interface StoredManifest {
  readonly digest: ContentDigest
  readonly mediaType: string
  readonly bytes: Buffer
}

/** An entry of a list of referrers. */
export interface Referrer {
  readonly mediaType: string
  readonly digest: ContentDigest
  readonly size: number
  readonly artifactType?: string | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

const nothing = new Uint8Array()
/** Milliseconds; much less than what is given to blobs before they are collected. */
const newFor = 3_600_000
/** What a page of referrers has at most, and may exceed by one entry. */
const pageBytes = 2 << 20
const pageEntries = 1000

/** Where a blob's content is, whichever repositories have it. */
export function blobKey(digest: ContentDigest): string {
  const { algorithm, hex } = partsOf(digest)
  return `blobs/${algorithm}/${hex.slice(0, 2)}/${hex}`
}

/** All repositories of a registry. */
export class Repositories {
  readonly #storage: Storage
  readonly #locks = new Locks()
  /** One for each blob's content, by its digest: held by whoever brings it in or removes it. */
  readonly contentLocks = new Locks()
  readonly #notes = new Set<Set<string>>()

  constructor(storage: Storage) {
    this.#storage = storage
  }

  /** The repository `name`, which has been checked; there or not. */
  open(name: string): Repository {
    const linked = (digest: ContentDigest) => {
      for (const note of this.#notes) note.add(digest)
    }
    return new Repository(this.#storage, { own: this.#locks, content: this.contentLocks, linked }, name)
  }

  /** Gathers the digests of content that repositories get from now on, until it is disposed of. */
  watch(): Disposable & { readonly linked: ReadonlySet<string> } {
    const linked = new Set<string>()
    this.#notes.add(linked)
    return { linked, [Symbol.dispose]: () => void this.#notes.delete(linked) }
  }

  /** Names of all to which anything has been pushed, sorted. */
  async all(): Promise<string[]> {
    return [...new Set([...(await this.names()), ...(await this.#find('_blobs'))])].toSorted()
  }

  /** Names of all that have manifests, sorted. */
  async names(): Promise<string[]> {
    return await this.#find('_manifests')
  }

  /** Names of all to which something is being sent, sorted. */
  async receiving(): Promise<string[]> {
    return await this.#find('_uploads')
  }

  async #find(kind: string): Promise<string[]> {
    const names: string[] = []
    const visit = async (name: string) => {
      const below = await this.#storage.list(name === '' ? 'repositories' : `repositories/${name}`)
      if (below.includes(kind)) names.push(name)
      for (const part of below) if (!part.startsWith('_')) await visit(name === '' ? part : `${name}/${part}`)
    }
    await visit('')
    return names.toSorted()
  }
}

/** By a repository's name, and by a blob's digest. */
interface RepositoryLocks {
  readonly own: Locks
  readonly content: Locks
  /** To be told, under the content's lock, of what a repository gets. */
  readonly linked: (digest: ContentDigest) => void
}

/** One repository. What changes its manifests, tags and blobs is done one after the other. */
export class Repository {
  readonly name: string
  readonly #storage: Storage
  readonly #locks: RepositoryLocks
  readonly #root: string

  constructor(storage: Storage, locks: RepositoryLocks, name: string) {
    this.name = name
    this.#storage = storage
    this.#locks = locks
    this.#root = `repositories/${name}`
  }

  #key(kind: '_blobs' | '_manifests', digest: ContentDigest): string {
    const { algorithm, hex } = partsOf(digest)
    return `${this.#root}/${kind}/${algorithm}/${hex}`
  }

  /** Throws NAME_UNKNOWN if nothing has been pushed to it. */
  async check(): Promise<void> {
    const kinds = await this.#storage.list(this.#root)
    if (!kinds.includes('_blobs') && !kinds.includes('_manifests'))
      throw new RegistryError('NAME_UNKNOWN', 'there is no such repository', { detail: { name: this.name } })
  }

  /** Bytes of a blob that the repository has. Throws BLOB_UNKNOWN. */
  async blobSize(digest: ContentDigest): Promise<number> {
    const linked = await this.#storage.size(this.#key('_blobs', digest))
    const size = linked === undefined ? undefined : await this.#storage.size(blobKey(digest))
    if (size === undefined)
      throw new RegistryError('BLOB_UNKNOWN', 'the repository has no such blob', { detail: { digest } })
    return size
  }

  async hasBlob(digest: ContentDigest): Promise<boolean> {
    return (await this.#storage.size(this.#key('_blobs', digest))) !== undefined
  }

  /** Makes what was received under `key` a blob of this repository. */
  async takeBlob(key: string, received: Received, digest: ContentDigest): Promise<void> {
    using _lock = await this.#locks.content.hold(digest)
    await this.#storage.promote(key, received, blobKey(digest))
    await this.#link(digest)
  }

  /** Makes a blob of another repository one of this; false if that has not got it. */
  async mountBlob(digest: ContentDigest, from: Repository): Promise<boolean> {
    using _lock = await this.#locks.content.hold(digest)
    const isThere = (await from.hasBlob(digest)) && (await this.#storage.size(blobKey(digest))) !== undefined
    if (isThere) await this.#link(digest)
    return isThere
  }

  async #link(digest: ContentDigest): Promise<void> {
    this.#locks.linked(digest)
    await this.#storage.write(this.#key('_blobs', digest), nothing)
  }

  /** Keeps a blob that is not new from being collected for as long as a new one: somebody counts on it. */
  async renewBlob(digest: ContentDigest): Promise<void> {
    const key = this.#key('_blobs', digest)
    if (((await this.#storage.modified(key)) ?? Infinity) > Date.now() - newFor) return
    using _lock = await this.#locks.own.hold(this.name)
    if (await this.hasBlob(digest)) await this.#link(digest)
  }

  /** Gives up the blobs that no manifest here needs and that were there before that time; returns how many those were. */
  async unlinkUnused(before: number): Promise<number> {
    using _lock = await this.#locks.own.hold(this.name)
    const needed = await this.#needed()
    const removed: ContentDigest[] = []
    for (const digest of await this.#digests('_blobs')) {
      const key = this.#key('_blobs', digest)
      if (needed.has(digest) || ((await this.#storage.modified(key)) ?? Infinity) > before) continue
      await this.#storage.remove(key)
      removed.push(digest)
    }
    if (!this.#storage.isShared || removed.length === 0) return removed.length
    // Another process may have taken a manifest meanwhile. One that takes it from now on sees what is missing.
    const now = await this.#needed()
    const back = removed.filter(digest => now.has(digest))
    for (const digest of back) await this.#link(digest)
    return removed.length - back.length
  }

  async #needed(): Promise<Set<string>> {
    const needed = new Set<string>()
    for (const digest of await this.#digests('_manifests')) {
      const stored = await this.#manifestIfThere(digest)
      if (stored) for (const blob of readManifest(stored.bytes, stored.mediaType).blobs) needed.add(blob.digest)
    }
    return needed
  }

  /** The digests of all content that it has: blobs and manifests. */
  async contents(): Promise<ContentDigest[]> {
    return [...(await this.#digests('_blobs')), ...(await this.#digests('_manifests'))]
  }

  async #digests(kind: '_blobs' | '_manifests'): Promise<ContentDigest[]> {
    const found: ContentDigest[] = []
    for (const algorithm of await this.#storage.list(`${this.#root}/${kind}`)) {
      for (const hex of await this.#storage.list(`${this.#root}/${kind}/${algorithm}`)) {
        const digest = `${algorithm}:${hex}`
        if (isContentDigest(digest)) found.push(digest)
      }
    }
    return found
  }

  /** Throws BLOB_UNKNOWN. The content stays until it is collected: other repositories may have it. */
  async unlinkBlob(digest: ContentDigest): Promise<void> {
    using _lock = await this.#locks.own.hold(this.name)
    if (await this.#storage.remove(this.#key('_blobs', digest))) return
    throw new RegistryError('BLOB_UNKNOWN', 'the repository has no such blob', { detail: { digest } })
  }

  /** The manifest called `reference`, a tag or a digest. Throws MANIFEST_UNKNOWN or NAME_UNKNOWN. */
  async manifest(reference: string): Promise<StoredManifest> {
    const digest = isContentDigest(reference) ? reference : await this.#digestOfTag(reference)
    const found = digest && (await this.#manifestIfThere(digest))
    if (found) return found
    await this.check()
    throw unknownManifest(reference)
  }

  async #manifestIfThere(digest: ContentDigest): Promise<StoredManifest | undefined> {
    const entry = await this.#storage.read(this.#key('_manifests', digest))
    const bytes = entry && (await this.#storage.read(blobKey(digest)))
    return bytes && { digest, mediaType: (JSON.parse(entry.toString()) as { mediaType: string }).mediaType, bytes }
  }

  async #digestOfTag(tag: string): Promise<ContentDigest | undefined> {
    if (!isTag(tag)) return undefined
    const digest = (await this.#storage.read(this.#tagKey(tag)))?.toString()
    return isContentDigest(digest) ? digest : undefined
  }

  #tagKey(tag: string): string {
    return `${this.#root}/_tags/${tag}`
  }

  /**
   * Keeps a manifest under its digest and, if `reference` is a tag, under that. Throws MANIFEST_INVALID,
   * MANIFEST_BLOB_UNKNOWN if something it refers to is not here, DIGEST_INVALID if it is not what `reference` says.
   */
  async putManifest(
    reference: string,
    bytes: Buffer,
    contentType: string,
  ): Promise<{ digest: ContentDigest; subject: ContentDigest | undefined }> {
    const named = isContentDigest(reference) ? reference : undefined
    if (!named && !isTag(reference)) throw new RegistryError('MANIFEST_INVALID', `${reference} is no tag and no digest`)
    const algorithm: Algorithm = named ? partsOf(named).algorithm : 'sha256'
    const digest = contentDigestOf(bytes, algorithm)
    if (named && named !== digest)
      throw new RegistryError('DIGEST_INVALID', 'the manifest has another digest', { detail: { digest } })
    const facts = readManifest(bytes, contentType)
    // What it refers to can't go meanwhile, nor it itself before it has its tag.
    using _lock = await this.#locks.own.hold(this.name)
    await this.#checkReferences(facts)
    await this.#keep(digest, bytes, facts.mediaType)
    // Another process may have collected meanwhile; the content stays a while longer than its link.
    if (this.#storage.isShared) await this.#linkAgain(facts)
    if (facts.subject) await this.#refer(facts.subject.digest, digest, bytes.length, facts)
    if (!named) await this.#storage.write(this.#tagKey(reference), Buffer.from(digest))
    return { digest, subject: facts.subject?.digest }
  }

  async #keep(digest: ContentDigest, bytes: Buffer, mediaType: string): Promise<void> {
    using _lock = await this.#locks.content.hold(digest)
    this.#locks.linked(digest)
    await this.#storage.write(blobKey(digest), bytes)
    await this.#storage.write(this.#key('_manifests', digest), Buffer.from(JSON.stringify({ mediaType })))
  }

  async #checkReferences({ blobs, manifests }: ManifestFacts): Promise<void> {
    for (const { digest } of blobs) if (!(await this.hasBlob(digest))) throw missing(digest)
    for (const { digest } of manifests)
      if ((await this.#storage.size(this.#key('_manifests', digest))) === undefined) throw missing(digest)
  }

  async #linkAgain({ blobs }: ManifestFacts): Promise<void> {
    for (const { digest } of blobs) {
      if (await this.hasBlob(digest)) continue
      if ((await this.#storage.size(blobKey(digest))) === undefined) throw missing(digest)
      await this.#link(digest)
    }
  }

  #referrersKey(subject: ContentDigest): string {
    const { algorithm, hex } = partsOf(subject)
    return `${this.#root}/_referrers/${algorithm}/${hex}`
  }

  async #refer(subject: ContentDigest, digest: ContentDigest, size: number, facts: ManifestFacts): Promise<void> {
    const { mediaType, artifactType, annotations } = facts
    const entry: Referrer = { mediaType, digest, size, artifactType, annotations }
    const { algorithm, hex } = partsOf(digest)
    await this.#storage.write(`${this.#referrersKey(subject)}/${algorithm}/${hex}`, Buffer.from(JSON.stringify(entry)))
  }

  /**
   * A page of the manifests that are about `subject`, by digest, from behind `last`: as many as come to some megabytes; none if
   * there are none, or nothing of the kind. `more` if others follow.
   */
  async referrers(subject: ContentDigest, last = ''): Promise<{ page: Referrer[]; more: boolean }> {
    const page: Referrer[] = []
    let bytes = 0
    const root = this.#referrersKey(subject)
    for (const algorithm of (await this.#storage.list(root)).toSorted()) {
      for (const hex of (await this.#storage.list(`${root}/${algorithm}`)).toSorted()) {
        if (`${algorithm}:${hex}` <= last) continue
        if (bytes >= pageBytes || page.length >= pageEntries) return { page, more: true }
        const entry = await this.#storage.read(`${root}/${algorithm}/${hex}`)
        if (!entry) continue
        bytes += entry.length
        page.push(JSON.parse(entry.toString()) as Referrer)
      }
    }
    return { page, more: false }
  }

  /** Its tags, sorted. Throws NAME_UNKNOWN. */
  async tags(): Promise<string[]> {
    const tags = await this.#storage.list(`${this.#root}/_tags`)
    if (tags.length === 0) await this.check()
    return tags.toSorted()
  }

  /** Removes a tag, or a manifest with all tags that name it. Throws MANIFEST_UNKNOWN. */
  async removeManifest(reference: string): Promise<void> {
    using _lock = await this.#locks.own.hold(this.name)
    if (!isContentDigest(reference)) {
      if (isTag(reference) && (await this.#storage.remove(this.#tagKey(reference)))) return
      throw unknownManifest(reference)
    }
    const { bytes, mediaType } = await this.manifest(reference)
    for (const tag of await this.#storage.list(`${this.#root}/_tags`))
      if ((await this.#digestOfTag(tag)) === reference) await this.#storage.remove(this.#tagKey(tag))
    const { subject } = readManifest(bytes, mediaType)
    const { algorithm, hex } = partsOf(reference)
    if (subject) await this.#storage.remove(`${this.#referrersKey(subject.digest)}/${algorithm}/${hex}`)
    await this.#storage.remove(this.#key('_manifests', reference))
  }
}

const unknownManifest = (reference: string) =>
  new RegistryError('MANIFEST_UNKNOWN', 'the repository has no such manifest', { detail: { reference } })

const missing = (digest: ContentDigest) =>
  new RegistryError('MANIFEST_BLOB_UNKNOWN', 'the manifest refers to what the repository does not have', {
    detail: { digest },
  })
