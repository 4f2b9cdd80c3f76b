// The rows of image indexes: what a name stands for when it has an image for each of several platforms.

import type { Digest } from '../oci/digest.ts'
import type { Database } from '../state/database.ts'

/** A blob that is here because of an index. */
export interface IndexBlob {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

export interface ImageIndex extends IndexBlob {
  readonly mediaType: string
}

/** An image of an index, and the manifest by which the index names it. */
export interface Variant {
  readonly manifest: Digest
  readonly image: Digest
}

export interface NewIndex extends ImageIndex {
  /** The images that are here; the index may name more. */
  readonly variants: readonly Variant[]
  /** What else of it is here: indexes within it, attestations with their config and layers. */
  readonly blobs: readonly IndexBlob[]
}

/** An index is kept as long as a name has it. */
export class IndexRows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Adds an index. One that exists gains the images and blobs that it had not. */
  insert({ digest, mediaType, size, variants, blobs }: NewIndex): void {
    const insert = (sql: string) => this.#database.prepare(`INSERT INTO ${sql} ON CONFLICT DO NOTHING`)
    insert('image_index (digest, media_type, size) VALUES (?, ?, ?)').run(digest, mediaType, size)
    const addVariant = insert('image_index_image (index_digest, manifest, image_id) VALUES (?, ?, ?)')
    for (const { manifest, image } of variants) addVariant.run(digest, manifest, image)
    const addBlob = insert('image_index_blob (index_digest, digest, size) VALUES (?, ?, ?)')
    for (const blob of blobs) addBlob.run(digest, blob.digest, blob.size)
  }

  /** The index that a name, normalized, was given with. */
  ofName(reference: string): ImageIndex | undefined {
    const sql =
      'SELECT digest, media_type AS mediaType, size FROM image_index JOIN image_reference ON digest = index_digest WHERE reference = ?'
    return this.#database.prepare(sql).get(reference) as unknown as ImageIndex | undefined
  }

  has(index: Digest): boolean {
    return this.#database.prepare('SELECT 1 FROM image_index WHERE digest = ?').get(index) !== undefined
  }

  /** The images of an index that are here, in the order in which they came. */
  variants(index: Digest): Variant[] {
    const sql =
      'SELECT manifest, image_id AS image FROM image_index_image WHERE index_digest = ? ORDER BY image_index_image.rowid'
    return this.#database.prepare(sql).all(index) as unknown as Variant[]
  }

  /** What is here because of an index, besides its images: itself, indexes within it, attestations. */
  blobs(index: Digest): IndexBlob[] {
    const sql =
      'SELECT digest, size FROM image_index WHERE digest = ?1 UNION SELECT digest, size FROM image_index_blob WHERE index_digest = ?1'
    return this.#database.prepare(sql).all(index) as unknown as IndexBlob[]
  }

  /** The names, normalized, of the indexes that an image is in. */
  namesOf(image: Digest): string[] {
    const sql =
      'SELECT DISTINCT reference FROM image_reference JOIN image_index_image USING (index_digest) WHERE image_index_image.image_id = ? ORDER BY reference'
    return this.#database
      .prepare(sql)
      .all(image)
      .map(row => row['reference'] as string)
  }

  /** True if an index keeps the blob. */
  usesBlob(digest: Digest): boolean {
    const sql = 'SELECT 1 FROM image_index WHERE digest = ?1 UNION SELECT 1 FROM image_index_blob WHERE digest = ?1'
    return this.#database.prepare(sql).get(digest) !== undefined
  }

  /** The indexes that no name has any more. */
  unnamed(): Digest[] {
    const sql =
      'SELECT digest FROM image_index WHERE NOT EXISTS (SELECT 1 FROM image_reference WHERE index_digest = digest)'
    return this.#database
      .prepare(sql)
      .all()
      .map(row => row['digest'] as Digest)
  }

  removeVariant(index: Digest, image: Digest): void {
    this.#database.prepare('DELETE FROM image_index_image WHERE index_digest = ? AND image_id = ?').run(index, image)
  }

  delete(index: Digest): void {
    this.#database.prepare('DELETE FROM image_index WHERE digest = ?').run(index)
  }
}
