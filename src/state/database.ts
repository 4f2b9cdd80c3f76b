// The daemon's database: opened once, migrated, and written in one transaction per acknowledged operation.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { GantryError, system } from '../lib/errors.ts'
import { migrations } from './migrations.ts'

/** How long an acknowledged write has to last: `power` survives a power cut, `process` only the daemon's death. */
export type Durability = 'power' | 'process'

/** A SQLite database in WAL mode with the schema of `migrations.ts`. */
export class Database implements Disposable {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #durability: Durability = 'power'
  #depth = 0

  private constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** Opens or creates the database at `path` (`:memory:` for tests). Throws if it was written by a newer version. */
  static open(path: string): Database {
    const db = new DatabaseSync(path)
    db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=0')
    migrate(db, path)
    return new Database(db)
  }

  /** The prepared statement for `sql`, kept for the next time. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /** Runs `body` in one transaction: all of it is kept or none. An inner call joins the outer transaction. */
  transaction<T>(body: () => T, durability: Durability = 'power'): T {
    if (this.#depth > 0) return body()
    this.#setDurability(durability)
    this.#db.exec('BEGIN IMMEDIATE')
    this.#depth++
    try {
      const result = body()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw isSqliteError(error) ? system(`The state database failed: ${error.message}`, { cause: error }) : error
    } finally {
      this.#depth--
    }
  }

  // SQLite allows the change only between transactions.
  #setDurability(durability: Durability) {
    if (durability === this.#durability) return
    this.#db.exec(`PRAGMA synchronous=${durability === 'power' ? 'FULL' : 'NORMAL'}`)
    this.#durability = durability
  }

  [Symbol.dispose]() {
    this.#statements.clear()
    this.#db.close()
  }
}

function isSqliteError(error: unknown): error is Error {
  return (
    !(error instanceof GantryError) && error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
  )
}

function migrate(db: DatabaseSync, path: string) {
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > migrations.length) {
    throw system(`${path} was written by a newer Gantry (schema ${version}, this one knows ${migrations.length})`)
  }
  for (let next = version; next < migrations.length; next++) {
    db.exec(`BEGIN IMMEDIATE; ${migrations[next]}; PRAGMA user_version=${next + 1}; COMMIT`)
  }
}
