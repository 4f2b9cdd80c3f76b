// The rows of manifests that refer to an image or its index, such as signatures: they are kept as long as that is.

import type { Digest } from '../oci/digest.ts'
import type { Database } from '../state/database.ts'
import type { ImageIndex, IndexBlob } from './index-rows.ts'

/** A manifest that refers to another one, and all blobs that are here because of it: itself, its config, its layers. */
export interface NewReferrer extends ImageIndex {
  readonly blobs: readonly IndexBlob[]
}

export class ReferrerRows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Takes `referrers` for those of `subject`; returns the blobs that those before had. */
  replace(subject: Digest, referrers: readonly NewReferrer[]): Digest[] {
    const before = this.blobs(subject).map(({ digest }) => digest)
    this.#database.prepare('DELETE FROM referrer WHERE subject = ?').run(subject)
    const add = this.#database.prepare('INSERT INTO referrer (subject, digest, media_type, size) VALUES (?, ?, ?, ?)')
    const addBlob = this.#database.prepare(
      'INSERT INTO referrer_blob (subject, referrer, digest, size) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    for (const { digest, mediaType, size, blobs } of referrers) {
      add.run(subject, digest, mediaType, size)
      for (const blob of blobs) addBlob.run(subject, digest, blob.digest, blob.size)
    }
    return before
  }

  /** What refers to `subject`. */
  of(subject: Digest): ImageIndex[] {
    const sql = 'SELECT digest, media_type AS mediaType, size FROM referrer WHERE subject = ? ORDER BY digest'
    return this.#database.prepare(sql).all(subject) as unknown as ImageIndex[]
  }

  /** What is here because it refers to `subject`. */
  blobs(subject: Digest): IndexBlob[] {
    const sql = 'SELECT DISTINCT digest, size FROM referrer_blob WHERE subject = ?'
    return this.#database.prepare(sql).all(subject) as unknown as IndexBlob[]
  }

  usesBlob(digest: Digest): boolean {
    return this.#database.prepare('SELECT 1 FROM referrer_blob WHERE digest = ? LIMIT 1').get(digest) !== undefined
  }

  /** Forgets those of manifests and indexes that are not known any more; returns their blobs. */
  dropOrphans(): Digest[] {
    const sql = `SELECT DISTINCT subject FROM referrer
      WHERE NOT EXISTS (SELECT 1 FROM image_index WHERE digest = subject)
      AND NOT EXISTS (SELECT 1 FROM image_blob WHERE digest = subject AND kind = 'manifest')`
    const subjects = this.#database
      .prepare(sql)
      .all()
      .map(row => row['subject'] as Digest)
    return subjects.flatMap(subject => this.replace(subject, []))
  }
}
