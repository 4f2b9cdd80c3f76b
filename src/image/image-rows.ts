// The rows of images, of the blobs they are made of and of their names.

import { type Digest } from '../oci/digest.ts'
import { type ImageConfig, parseImageConfig } from '../oci/image-config.ts'
import { type Reference, formatReference, parseReference } from '../oci/reference.ts'
import type { Database } from '../state/database.ts'

export type BlobKind = 'config' | 'manifest' | 'layer'

/** A blob that belongs to an image. Layers are numbered bottom first; the rest has position 0. */
export interface ImageBlob {
  readonly digest: Digest
  readonly kind: BlobKind
  readonly position: number
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

export interface Image {
  /** The digest of the config blob. */
  readonly id: Digest
  readonly config: ImageConfig
  readonly topLayer: Digest | undefined
  /** The image this one was built from, if it was built here. */
  readonly parent: Digest | undefined
  /** Names with a tag, normalized, sorted. */
  readonly references: readonly string[]
  /** Names with a digest, normalized, sorted. */
  readonly repoDigests: readonly string[]
  /** Bytes of the files of all layers. */
  readonly size: number
  /** Nanoseconds since the epoch; 0 if the config does not say. */
  readonly createdAt: bigint
  /** When a name was last given; nanoseconds since the epoch. */
  readonly taggedAt: bigint | undefined
  /** When it was last put to use: pulled, loaded, or a container made of it or started; nanoseconds since the epoch. */
  readonly usedAt: bigint | undefined
}

export type NewImage = Pick<Image, 'id' | 'topLayer' | 'parent' | 'size' | 'createdAt'> & {
  /** The config blob, exactly. */
  readonly configText: string
  readonly blobs: readonly ImageBlob[]
}

/** What a name was given with. */
export interface Origin {
  /** All that it stands for. */
  readonly index?: Digest
  /** Without an index: which manifest of the image, if it has any. */
  readonly manifest?: Digest
}

interface Row {
  readonly id: Digest
  readonly config: string
  readonly top_layer: Digest | null
  readonly parent: Digest | null
  readonly size: bigint
  readonly created_at: bigint
  readonly tagged_at: bigint | null
  readonly used_at: bigint | null
}

/** Repositories that a blob is tried to be taken from. */
const mostSources = 3

const isDigestReference = (name: string) => name.includes('@')

export class ImageRows {
  readonly #database: Database
  /** Configs do not change, and reading one costs more than the row. */
  readonly #configs = new Map<Digest, ImageConfig>()

  constructor(database: Database) {
    this.#database = database
  }

  get(id: Digest): Image | undefined {
    const row = this.#prepare('SELECT * FROM image WHERE id = ?').get(id)
    return row && this.#image(row as unknown as Row)
  }

  all(): Image[] {
    return this.#prepare('SELECT * FROM image ORDER BY id')
      .all()
      .map(row => this.#image(row as unknown as Row))
  }

  // Times do not fit a double.
  #prepare(sql: string) {
    const statement = this.#database.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }

  #image(row: Row): Image {
    const names = this.references(row.id)
    return {
      id: row.id,
      config: this.#config(row),
      topLayer: row.top_layer ?? undefined,
      parent: row.parent ?? undefined,
      references: names.filter(name => !isDigestReference(name)),
      repoDigests: names.filter(isDigestReference),
      size: Number(row.size),
      createdAt: row.created_at,
      taggedAt: row.tagged_at ?? undefined,
      usedAt: row.used_at ?? undefined,
    }
  }

  #config({ id, config }: Row): ImageConfig {
    const known = this.#configs.get(id) ?? parseImageConfig(Buffer.from(config))
    this.#configs.set(id, known)
    return known
  }

  /** Names of an image, normalized, sorted. */
  references(id: Digest): string[] {
    return this.#database
      .prepare('SELECT reference FROM image_reference WHERE image_id = ? ORDER BY reference')
      .all(id)
      .map(row => row['reference'] as string)
  }

  /** The names with a tag in a repository, sorted. */
  tagsOf(repository: string): Reference[] {
    return this.#database
      .prepare('SELECT reference FROM image_reference WHERE reference >= ? AND reference < ? ORDER BY reference')
      .all(`${repository}:`, `${repository};`)
      .map(row => parseReference(row['reference'] as string))
  }

  /** Repositories on the registry of `repository` that are known to have a blob: images here with it came from there, or went there. */
  repositoriesWith(digest: Digest, repository: string): string[] {
    const domain = repository.slice(0, repository.indexOf('/') + 1)
    const names = this.#database
      .prepare(
        'SELECT DISTINCT reference FROM image_reference JOIN image_blob USING (image_id) WHERE digest = ? AND reference >= ? AND reference < ?',
      )
      .all(digest, domain, `${domain.slice(0, -1)}0`)
      .map(row => row['reference'] as string)
    const paths = names.filter(isDigestReference).map(name => name.slice(domain.length, name.indexOf('@')))
    return [...new Set(paths)].filter(path => domain + path !== repository).slice(0, mostSources)
  }

  /** What a name, normalized, stands for. */
  find(reference: string): Digest | undefined {
    const row = this.#database.prepare('SELECT image_id FROM image_reference WHERE reference = ?').get(reference)
    return row?.['image_id'] as Digest | undefined
  }

  /** The only image whose digits begin with `prefix`, which is hexadecimal; undefined if there is none, or several. */
  findByPrefix(prefix: string): Digest | undefined {
    const start = `sha256:${prefix}`
    const rows = this.#database.prepare('SELECT id FROM image WHERE id >= ? AND id < ? LIMIT 2').all(start, `${start}g`)
    return rows.length === 1 ? (rows[0]?.['id'] as Digest) : undefined
  }

  children(id: Digest): Digest[] {
    const rows = this.#database.prepare('SELECT id FROM image WHERE parent = ?').all(id)
    return rows.map(row => row['id'] as Digest)
  }

  /** Adds an image. One that exists keeps what it is made of, and gains a manifest with the blobs that it names. */
  insert({ id, configText, topLayer, parent, size, createdAt, blobs }: NewImage): void {
    const sql = 'INSERT INTO image (id, config, top_layer, parent, size, created_at) VALUES (?, ?, ?, ?, ?, ?)'
    const { changes } = this.#database
      .prepare(`${sql} ON CONFLICT DO NOTHING`)
      .run(id, configText, topLayer ?? null, parent ?? null, size, createdAt)
    if (changes === 0 && !blobs.some(({ kind }) => kind === 'manifest')) return
    const addBlob = this.#database.prepare(
      'INSERT INTO image_blob (image_id, digest, kind, position, media_type, size) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    for (const { digest, kind, position, mediaType, size: bytes } of blobs) {
      addBlob.run(id, digest, kind, position, mediaType, bytes)
    }
  }

  delete(id: Digest): void {
    this.#database.prepare('DELETE FROM image_reference WHERE image_id = ?').run(id)
    this.#database.prepare('DELETE FROM image WHERE id = ?').run(id)
    this.#configs.delete(id)
  }

  /** Gives an image a name, which stands for all of an index if it came with one; returns the image that had it before, if it was another one. */
  name(reference: Reference, id: Digest, { index, manifest }: Origin = {}): Digest | undefined {
    const text = formatReference(reference)
    const before = this.find(text)
    const sql =
      'INSERT INTO image_reference (reference, image_id, index_digest, manifest) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET image_id = ?2, index_digest = ?3, manifest = ?4'
    this.#database.prepare(sql).run(text, id, index ?? null, index === undefined ? (manifest ?? null) : null)
    return before === id ? undefined : before
  }

  /** What a name, normalized, was given with. */
  originOf(reference: string): Origin {
    const sql = 'SELECT index_digest, manifest FROM image_reference WHERE reference = ?'
    const row = this.#database.prepare(sql).get(reference)
    return {
      index: (row?.['index_digest'] ?? undefined) as Digest | undefined,
      manifest: (row?.['manifest'] ?? undefined) as Digest | undefined,
    }
  }

  /** An image that was put together here gains a manifest, which `reference` stands for from now on if it had none. */
  addManifest(reference: string, id: Digest, { digest, mediaType, size }: Omit<ImageBlob, 'kind' | 'position'>): void {
    const add =
      "INSERT INTO image_blob (image_id, digest, kind, position, media_type, size) VALUES (?, ?, 'manifest', 0, ?, ?) ON CONFLICT DO NOTHING"
    this.#database.prepare(add).run(id, digest, mediaType, size)
    const name =
      'UPDATE image_reference SET manifest = ? WHERE reference = ? AND image_id = ? AND manifest IS NULL AND index_digest IS NULL'
    this.#database.prepare(name).run(digest, reference, id)
  }

  unname(reference: string): void {
    this.#database.prepare('DELETE FROM image_reference WHERE reference = ?').run(reference)
  }

  setTaggedAt(id: Digest, time: bigint): void {
    this.#database.prepare('UPDATE image SET tagged_at = ? WHERE id = ?').run(time, id)
  }

  setUsedAt(id: Digest, time: bigint): void {
    this.#database.prepare('UPDATE image SET used_at = ? WHERE id = ?').run(time, id)
  }

  /** The blobs of an image, layers bottom first. */
  blobs(id: Digest): ImageBlob[] {
    const sql =
      'SELECT digest, kind, position, media_type AS mediaType, size FROM image_blob WHERE image_id = ? ORDER BY kind, position'
    return this.#database.prepare(sql).all(id) as unknown as ImageBlob[]
  }

  /** True if any image is made of the blob. */
  usesBlob(digest: Digest): boolean {
    return this.#database.prepare('SELECT 1 FROM image_blob WHERE digest = ? LIMIT 1').get(digest) !== undefined
  }

  /** The top layers of all images. */
  topLayers(): Digest[] {
    const rows = this.#database.prepare('SELECT DISTINCT top_layer FROM image WHERE top_layer IS NOT NULL').all()
    return rows.map(row => row['top_layer'] as Digest)
  }

  transaction<T>(body: () => T): T {
    return this.#database.transaction(body)
  }

  /** For what gives space back; see Database. */
  releasing<T>(body: () => T): T {
    return this.#database.releasing(body)
  }
}

/** A name as it is kept, read back. */
export const storedReference = (name: string): Reference => parseReference(name)
