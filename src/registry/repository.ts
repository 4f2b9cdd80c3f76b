// A repository: which blobs, manifests and tags belong to it.

import type { Locks } from '../lib/locks.ts'
import { type Algorithm, type ContentDigest, contentDigestOf, isContentDigest, partsOf } from './digest.ts'
import { RegistryError } from './errors.ts'
import { blobKey } from './layout.ts'
import { type ManifestFacts, readManifest } from './manifest.ts'
import { isTag } from './names.ts'
import type { Quotas } from './quotas.ts'
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

/** By a repository's name, and by a blob's digest. */
export interface RepositoryLocks {
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
  readonly #quotas: Quotas
  readonly #root: string

  constructor(storage: Storage, locks: RepositoryLocks, quotas: Quotas, name: string) {
    this.name = name
    this.#storage = storage
    this.#locks = locks
    this.#quotas = quotas
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

  /** True if it has the blob, and its content is there. */
  async hasContent(digest: ContentDigest): Promise<boolean> {
    return (await this.hasBlob(digest)) && (await this.#storage.size(blobKey(digest))) !== undefined
  }

  async hasBlob(digest: ContentDigest): Promise<boolean> {
    return (await this.#storage.size(this.#key('_blobs', digest))) !== undefined
  }

  /** The bytes that may still come, or that a blob with this digest may have. Throws DENIED if there are none left. */
  async room(digest?: ContentDigest): Promise<number> {
    return await this.#quotas.room(this.name, digest)
  }

  /** Bytes of each blob and manifest that it has. */
  async sizes(): Promise<Map<ContentDigest, number>> {
    const sizes = new Map<ContentDigest, number>()
    for (const digest of await this.contents()) sizes.set(digest, (await this.#storage.size(blobKey(digest))) ?? 0)
    return sizes
  }

  /** Makes what was received under `key` a blob of this repository. Throws DENIED if that is more than it may hold. */
  async takeBlob(key: string, received: Received, digest: ContentDigest): Promise<void> {
    await this.#quotas.admit(this.name, digest, received.size, async () => {
      using _lock = await this.#locks.content.hold(digest)
      await this.#storage.promote(key, received, blobKey(digest))
      await this.#link(digest)
    })
  }

  /** Makes a blob of another repository one of this; false if that has not got it. Throws DENIED as takeBlob does. */
  async mountBlob(digest: ContentDigest, from: Repository): Promise<boolean> {
    using _lock = await this.#locks.content.hold(digest)
    const size = (await from.hasBlob(digest)) ? await this.#storage.size(blobKey(digest)) : undefined
    if (size === undefined) return false
    await this.#quotas.admit(this.name, digest, size, () => this.#link(digest))
    return true
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

  /** Gives up the blobs that no manifest here needs and that were there before that time; returns them. With `dryRun` it only tells. */
  async unlinkUnused(before: number, { dryRun = false } = {}): Promise<ContentDigest[]> {
    using _lock = await this.#locks.own.hold(this.name)
    const needed = await this.#needed()
    const removed: ContentDigest[] = []
    for (const digest of await this.#digests('_blobs')) {
      const key = this.#key('_blobs', digest)
      if (needed.has(digest) || ((await this.#storage.modified(key)) ?? Infinity) > before) continue
      if (!dryRun) await this.#storage.remove(key)
      removed.push(digest)
    }
    if (!this.#storage.isShared || removed.length === 0 || dryRun) return removed
    // Another process may have taken a manifest meanwhile. One that takes it from now on sees what is missing.
    const now = await this.#needed()
    for (const digest of removed) if (now.has(digest)) await this.#link(digest)
    return removed.filter(digest => !now.has(digest))
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
    const removed = await this.#storage.remove(this.#key('_blobs', digest))
    this.#quotas.forget(this.name)
    if (removed) return
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
   * MANIFEST_BLOB_UNKNOWN if something it refers to is not here, DIGEST_INVALID if it is not what `reference` says, DENIED if it
   * is more than the repository may hold.
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
    await this.#quotas.admit(this.name, digest, bytes.length, async () => {
      using _lock = await this.#locks.content.hold(digest)
      this.#locks.linked(digest)
      await this.#storage.write(blobKey(digest), bytes)
      await this.#storage.write(this.#key('_manifests', digest), Buffer.from(JSON.stringify({ mediaType })))
    })
  }

  /**
   * Keeps a manifest of another registry's as putManifest does, without asking for what it refers to: that comes when it is asked
   * for. Throws MANIFEST_INVALID, DENIED.
   */
  async keepForeign(tag: string | undefined, bytes: Buffer, contentType: string): Promise<void> {
    const facts = readManifest(bytes, contentType)
    const digest = contentDigestOf(bytes, 'sha256')
    using _lock = await this.#locks.own.hold(this.name)
    await this.#keep(digest, bytes, facts.mediaType)
    if (facts.subject) await this.#refer(facts.subject.digest, digest, bytes.length, facts)
    if (tag !== undefined) await this.setTag(tag, digest)
  }

  /** What a tag names, and since when, in milliseconds since the epoch; undefined if there is no such tag. */
  async tagged(tag: string): Promise<{ digest: ContentDigest; modified: number } | undefined> {
    const digest = await this.#digestOfTag(tag)
    const modified = digest && (await this.#storage.modified(this.#tagKey(tag)))
    return digest !== undefined && modified !== undefined ? { digest, modified } : undefined
  }

  /** Gives a tag to a manifest that is here; that it has it already makes it new. */
  async setTag(tag: string, digest: ContentDigest): Promise<void> {
    if (!isTag(tag)) throw unknownManifest(tag)
    await this.#storage.write(this.#tagKey(tag), Buffer.from(digest))
  }

  /** Removes a tag if it is there. */
  async dropTag(tag: string): Promise<void> {
    using _lock = await this.#locks.own.hold(this.name)
    if (isTag(tag)) await this.#storage.remove(this.#tagKey(tag))
  }

  /** Notes that a manifest is used; false if it is not here. */
  async useManifest(digest: ContentDigest): Promise<boolean> {
    const key = this.#key('_manifests', digest)
    const modified = await this.#storage.modified(key)
    if (modified === undefined || (await this.#storage.size(blobKey(digest))) === undefined) return false
    if (modified > Date.now() - newFor) return true
    using _lock = await this.#locks.own.hold(this.name)
    const entry = await this.#storage.read(key)
    if (entry) await this.#storage.write(key, entry)
    return entry !== undefined
  }

  /** The blobs that the manifests here name, with their sizes as those say. */
  async *blobsInManifests(): AsyncGenerator<{ digest: ContentDigest; size: number }, void, void> {
    for (const manifest of await this.#digests('_manifests')) {
      const stored = await this.#manifestIfThere(manifest)
      if (stored) yield* readManifest(stored.bytes, stored.mediaType).blobs
    }
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

  /** Its tags, and when each was last given to a manifest, in milliseconds since the epoch. */
  async tagTimes(): Promise<{ tag: string; modified: number }[]> {
    const times: { tag: string; modified: number }[] = []
    for (const tag of await this.#storage.list(`${this.#root}/_tags`)) {
      const modified = await this.#storage.modified(this.#tagKey(tag))
      if (modified !== undefined) times.push({ tag, modified })
    }
    return times
  }

  /** Removes a tag, unless it was given anew since `modified`; false if so, or if it is not there. */
  async removeOldTag(tag: string, modified: number): Promise<boolean> {
    using _lock = await this.#locks.own.hold(this.name)
    const now = await this.#storage.modified(this.#tagKey(tag))
    return now !== undefined && now <= modified && (await this.#storage.remove(this.#tagKey(tag)))
  }

  /**
   * Removes manifests that came before that time and that no tag leads to, by an index or as what another is about; those
   * `without` which it is don't count. Returns their digests. With `dryRun` it only tells.
   */
  async removeUntagged(
    before: number,
    { without, dryRun }: { without: ReadonlySet<string>; dryRun: boolean },
  ): Promise<ContentDigest[]> {
    using _lock = await this.#locks.own.hold(this.name)
    const kept = await this.#reachable(without)
    const removed: ContentDigest[] = []
    for (const digest of await this.#digests('_manifests')) {
      const modified = await this.#storage.modified(this.#key('_manifests', digest))
      if (kept.has(digest) || modified === undefined || modified > before) continue
      if (!dryRun) await this.#removeManifest(digest)
      removed.push(digest)
    }
    return removed
  }

  // What tags lead to: manifests, those in indexes, and what is about any of these.
  async #reachable(without: ReadonlySet<string>): Promise<Set<string>> {
    const reached = new Set<string>()
    const tags = (await this.#storage.list(`${this.#root}/_tags`)).filter(tag => !without.has(tag))
    const waiting = await Promise.all(tags.map(tag => this.#digestOfTag(tag)))
    for (let digest = waiting.pop(); waiting.length > 0 || digest !== undefined; digest = waiting.pop()) {
      const stored = digest === undefined || reached.has(digest) ? undefined : await this.#manifestIfThere(digest)
      if (!stored) continue
      reached.add(stored.digest)
      for (const child of readManifest(stored.bytes, stored.mediaType).manifests) waiting.push(child.digest)
      waiting.push(...(await this.#aboutIt(stored.digest)))
    }
    return reached
  }

  async #aboutIt(subject: ContentDigest): Promise<ContentDigest[]> {
    const found: ContentDigest[] = []
    for (let last = ''; ; ) {
      const { page, more } = await this.referrers(subject, last)
      found.push(...page.map(({ digest }) => digest))
      last = page.at(-1)?.digest ?? ''
      if (!more) return found
    }
  }

  /** Removes a tag, or a manifest with all tags that name it. Throws MANIFEST_UNKNOWN. */
  async removeManifest(reference: string): Promise<void> {
    using _lock = await this.#locks.own.hold(this.name)
    if (!isContentDigest(reference)) {
      if (isTag(reference) && (await this.#storage.remove(this.#tagKey(reference)))) return
      throw unknownManifest(reference)
    }
    for (const tag of await this.#storage.list(`${this.#root}/_tags`))
      if ((await this.#digestOfTag(tag)) === reference) await this.#storage.remove(this.#tagKey(tag))
    await this.#removeManifest(reference)
  }

  async #removeManifest(reference: ContentDigest): Promise<void> {
    const { bytes, mediaType } = await this.manifest(reference)
    const { subject } = readManifest(bytes, mediaType)
    const { algorithm, hex } = partsOf(reference)
    if (subject) await this.#storage.remove(`${this.#referrersKey(subject.digest)}/${algorithm}/${hex}`)
    await this.#storage.remove(this.#key('_manifests', reference))
    this.#quotas.forget(this.name)
  }
}

const unknownManifest = (reference: string) =>
  new RegistryError('MANIFEST_UNKNOWN', 'the repository has no such manifest', { detail: { reference } })

const missing = (digest: ContentDigest) =>
  new RegistryError('MANIFEST_BLOB_UNKNOWN', 'the manifest refers to what the repository does not have', {
    detail: { digest },
  })
