// The images of a daemon: found by name or id, added and named in one transaction, collected when nothing needs them.

import type { Blobs } from '../content/blobs.ts'
import type { Hold } from '../content/holds.ts'
import type { ChainId, Layers } from '../content/layers.ts'
import type { WorkerPool } from '../content/pool.ts'
import { type Clock, parseTime } from '../lib/clock.ts'
import { notFound, system } from '../lib/errors.ts'
import { type Digest, isDigest } from '../oci/digest.ts'
import type { ImageConfig } from '../oci/image-config.ts'
import {
  type Reference,
  familiarReference,
  formatReference,
  parseReference,
  repositoryOf,
  withDefaultTag,
} from '../oci/reference.ts'
import type { Database } from '../state/database.ts'
import { type Image, type ImageBlob, ImageRows, type NewImage, type Origin } from './image-rows.ts'
import { type ImageIndex, IndexRows, type NewIndex } from './index-rows.ts'
import { type NewReferrer, ReferrerRows } from './referrer-rows.ts'

export type { Image, ImageBlob, NewImage, Origin } from './image-rows.ts'

/** What containers need of images; the container part answers it. */
export interface ImageUsage {
  /** The containers made from an image. */
  usedBy(id: Digest): readonly { readonly id: string; readonly running: boolean }[]
  /** The top layers of all containers' root file systems. */
  layersInUse(): Iterable<ChainId>
}

export type ImageAction = 'tag' | 'untag' | 'delete' | 'load' | 'import' | 'save' | 'pull' | 'push'

/** Something happened to an image; `name` is what it is called in the event, `subject` what that is about if not the id. */
export type ImageEvents = (action: ImageAction, id: Digest | undefined, name: string, subject?: string) => void

/** A name to give to an image. */
export type NewName = readonly [name: Reference, image: Digest, origin?: Origin]

export interface ImageParts {
  readonly config: ImageBlob
  readonly layers: readonly ImageBlob[]
  readonly manifest: ImageBlob | undefined
}

export interface ImageStoreOptions {
  /** The data root. */
  readonly root: string
  readonly database: Database
  readonly blobs: Blobs
  readonly layers: Layers
  readonly pool: WorkerPool
  readonly clock: Clock
  readonly usage?: ImageUsage
  readonly events?: ImageEvents
}

const noUsage: ImageUsage = { usedBy: () => [], layersInUse: () => [] }

/** What an operation has fetched and not yet given to an image. Disposing of it collects what no image took. */
export interface Staging extends AsyncDisposable {
  readonly blobs: Hold<Digest>
  readonly layers: Hold<ChainId>
}

export class ImageStore {
  readonly rows: ImageRows
  readonly indexes: IndexRows
  readonly referrers: ReferrerRows
  readonly blobs: Blobs
  readonly layers: Layers
  readonly clock: Clock
  readonly usage: ImageUsage
  readonly emit: ImageEvents
  readonly #root: string
  readonly #pool: WorkerPool

  constructor({ root, database, blobs, layers, pool, clock, usage = noUsage, events = () => {} }: ImageStoreOptions) {
    this.#root = root
    this.rows = new ImageRows(database)
    this.indexes = new IndexRows(database)
    this.referrers = new ReferrerRows(database)
    this.blobs = blobs
    this.layers = layers
    this.#pool = pool
    this.clock = clock
    this.usage = usage
    this.emit = events
  }

  /** The image that `name` stands for: a name, a name with tag or digest, an id or a unique beginning of one. Throws `notFound`. */
  resolve(name: string): Image {
    const id = this.find(name)
    const image = id && this.rows.get(id)
    if (!image) throw notFound(`No such image: ${shownName(name)}`)
    return image
  }

  /** As resolve; undefined if there is no such image. Throws `invalid` if `name` is no possible name. */
  find(name: string): Digest | undefined {
    const full = /^[a-f0-9]{64}$/.test(name) ? `sha256:${name}` : name
    if (isDigest(full)) return this.rows.get(full)?.id
    return this.rows.find(lookupName(parseReference(name))) ?? this.#findByPrefix(name)
  }

  /** The index that `name` stands for, if it is a name that was given with one. Throws `invalid` if it is no possible name. */
  indexOf(name: string): ImageIndex | undefined {
    if (this.#isId(name)) return undefined
    return this.indexes.ofName(lookupName(parseReference(name)))
  }

  /** What `name` was given with; nothing for an id. Throws `invalid` if it is no possible name. */
  originOf(name: string): Origin {
    return this.#isId(name) ? {} : this.rows.originOf(lookupName(parseReference(name)))
  }

  #isId(name: string): boolean {
    return /^[a-f0-9]{64}$/.test(name) || isDigest(name)
  }

  #findByPrefix(name: string): Digest | undefined {
    const prefix = /^(?:sha256:)?([a-f0-9]{1,64})$/.exec(name)?.[1]
    return prefix === undefined ? undefined : this.rows.findByPrefix(prefix)
  }

  get(id: Digest): Image | undefined {
    return this.rows.get(id)
  }

  /** The blobs an image is made of: one for each layer, bottom first, and the manifest it came with, if it did. */
  partsOf(id: Digest): ImageParts {
    const blobs = this.rows.blobs(id)
    const config = blobs.find(({ kind }) => kind === 'config')
    const layers = new Map(blobs.filter(({ kind }) => kind === 'layer').map(blob => [blob.position, blob]))
    const count = this.rows.get(id)?.config.rootfs.diff_ids.length
    if (!config || layers.size !== count) throw system(`image ${id} lacks some of its blobs`)
    return { config, layers: [...layers.values()], manifest: blobs.find(({ kind }) => kind === 'manifest') }
  }

  /** Begins an operation that brings content. */
  stage(): Staging {
    const blobs = this.blobs.hold()
    const layers = this.layers.hold()
    const collect = async () => {
      this.collect(blobs.keys)
      await this.layers.settled()
    }
    return {
      blobs,
      layers,
      async [Symbol.asyncDispose]() {
        blobs[Symbol.dispose]()
        layers[Symbol.dispose]()
        await collect()
      },
    }
  }

  /** Waits until everything that was stored is on the disk; to be called before images are committed. */
  async sync(): Promise<void> {
    await this.#pool.run({ kind: 'sync', path: this.#root })
  }

  /**
   * Adds images and names, all or none; returns the images that lost a name, by that name. A name may stand for one of
   * `indexes`, whose digest comes with it. `referrers` are all there are of each manifest or index that they refer to.
   */
  commit(
    images: readonly NewImage[],
    names: readonly NewName[],
    indexes: readonly NewIndex[] = [],
    referrers: ReadonlyMap<Digest, readonly NewReferrer[]> = new Map(),
  ): Map<string, Digest> {
    const { lost, dropped } = this.rows.transaction(() => {
      for (const image of images) this.rows.insert(image)
      for (const { id } of images) this.used(id)
      for (const index of indexes) this.indexes.insert(index)
      const losers = new Map<string, Digest>()
      for (const [reference, id, origin] of names) {
        const before = this.rows.name(reference, id, origin)
        if (before !== undefined) losers.set(formatReference(reference), before)
      }
      const before = Array.from(referrers, ([subject, list]) => this.referrers.replace(subject, list)).flat()
      return { lost: losers, dropped: [...before, ...this.dropUnnamed()] }
    })
    this.collect(dropped)
    return lost
  }

  /** Notes that the image is put to use now, in a transaction of the caller's. */
  used(id: Digest): void {
    this.rows.setUsedAt(id, this.clock.now())
  }

  /**
   * Forgets the indexes that no name has, and what refers to what is not here any more, in a transaction of the caller's;
   * returns the blobs that may be collected after it.
   */
  dropUnnamed(): Digest[] {
    const unnamed = this.indexes.unnamed()
    const blobs = unnamed.flatMap(index => this.indexes.blobs(index).map(({ digest }) => digest))
    for (const index of unnamed) this.indexes.delete(index)
    return [...blobs, ...this.referrers.dropOrphans()]
  }

  /** Deletes layers nothing needs, and those of `candidates` that no image has. Returns the layers, top ones first. */
  collect(candidates: Iterable<Digest> = []): ChainId[] {
    this.blobs.collect(candidates, digest => this.#usesBlob(digest))
    return this.layers.collect([...this.rows.topLayers(), ...this.usage.layersInUse()])
  }

  #usesBlob(digest: Digest): boolean {
    return this.rows.usesBlob(digest) || this.indexes.usesBlob(digest) || this.referrers.usesBlob(digest)
  }

  /** After a start: removes what an earlier run left unfinished. Returns the images that lack a layer's directory. */
  async recover(): Promise<Digest[]> {
    await this.blobs.recover(digest => this.#usesBlob(digest))
    const lost = new Set(await this.layers.recover())
    this.collect()
    const broken = this.rows
      .all()
      .filter(({ topLayer }) => topLayer && this.layers.chain(topLayer).some(id => lost.has(id)))
    return broken.map(({ id }) => id)
  }
}

/** How a name is kept: with its tag, or with its digest alone, as that says it all. */
export function lookupName(reference: Reference): string {
  const { digest } = reference
  return digest === undefined ? formatReference(withDefaultTag(reference)) : `${repositoryOf(reference)}@${digest}`
}

/** A name in an error message, as Docker shows it: with the tag it was looked for. */
function shownName(name: string): string {
  if (/^[a-f0-9]{64}$/.test(name)) return `sha256:${name}`
  return isDigest(name) ? name : familiarReference(withDefaultTag(parseReference(name)))
}

/** When an image was created, by its config; 0 if that does not say. */
export function createdAt(config: ImageConfig): bigint {
  const time = config.created === undefined ? undefined : parseTime(config.created)
  return time !== undefined && time > 0n && time < 2n ** 63n ? time : 0n
}
