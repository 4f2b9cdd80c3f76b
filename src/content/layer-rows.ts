// The rows of unpacked layers: which there are, and which lies on which.

import type { Digest } from '../oci/digest.ts'
import type { Database } from '../state/database.ts'

export interface LayerRow {
  readonly chainId: Digest
  readonly diffId: Digest
  readonly parent?: Digest
  /** Bytes of the layer's own files. */
  readonly size: number
}

const columns = 'chain_id AS chainId, diff_id AS diffId, parent, size'

export class LayerRows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  get(chainId: Digest): LayerRow | undefined {
    return this.#database.prepare(`SELECT ${columns} FROM layer WHERE chain_id = ?`).get(chainId) as
      | LayerRow
      | undefined
  }

  all(): Digest[] {
    return this.#database
      .prepare('SELECT chain_id FROM layer')
      .all()
      .map(row => row['chain_id'] as Digest)
  }

  /** The layer and all below it, top first. */
  chain(top: Digest): LayerRow[] {
    const sql = `
      WITH RECURSIVE below (chain_id, depth) AS (
        SELECT ?, 0
        UNION ALL SELECT parent, depth + 1 FROM below JOIN layer USING (chain_id) WHERE parent IS NOT NULL
      )
      SELECT ${columns} FROM below JOIN layer USING (chain_id) ORDER BY depth`
    return this.#database.prepare(sql).all(top) as unknown as LayerRow[]
  }

  /**
   * Adds layers, lower ones first. This may be lost in a power cut, but never while a later transaction is kept that refers
   * to them.
   */
  insert(layers: readonly LayerRow[]): void {
    const insert = this.#database.prepare('INSERT INTO layer (chain_id, diff_id, parent, size) VALUES (?, ?, ?, ?)')
    this.#database.transaction(() => {
      for (const { chainId, diffId, parent, size } of layers) insert.run(chainId, diffId, parent ?? null, size)
    }, 'process')
  }

  /** Deletes what is neither below one of `roots` nor `held` nor below something held, and returns it, upper layers first. */
  deleteUnreachable(roots: Iterable<Digest>, held: (chainId: Digest) => boolean): LayerRow[] {
    const all = this.#database.prepare(`SELECT ${columns} FROM layer`).all() as unknown as LayerRow[]
    const byId = new Map(all.map(row => [row.chainId, row]))
    const live = new Set<Digest>()
    for (const start of [...roots, ...all.map(row => row.chainId).filter(held)]) {
      for (let id: Digest | null | undefined = start; id && !live.has(id); id = byId.get(id)?.parent) live.add(id)
    }
    const depth = (row: LayerRow | undefined): number => (row?.parent ? 1 + depth(byId.get(row.parent)) : 0)
    const doomed = all.filter(row => !live.has(row.chainId)).toSorted((a, b) => depth(b) - depth(a))
    if (doomed.length > 0) this.#delete(doomed)
    return doomed
  }

  #delete(doomed: readonly LayerRow[]): void {
    const remove = this.#database.prepare('DELETE FROM layer WHERE chain_id = ?')
    this.#database.releasing(() => {
      for (const { chainId } of doomed) remove.run(chainId)
    })
  }
}
