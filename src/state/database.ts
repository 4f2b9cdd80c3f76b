// The daemon's database: opened once, migrated, and written in one transaction per acknowledged operation.

import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { GantryError, system } from '../lib/errors.ts'
import { migrations } from './migrations.ts'
import { Reserve } from './reserve.ts'

/** How long an acknowledged write has to last: `power` survives a power cut, `process` only the daemon's death. */
export type Durability = 'power' | 'process'

/** A SQLite database in WAL mode with the schema of `migrations.ts`. */
export class Database implements Disposable {
  readonly #db: DatabaseSync
  readonly #reserve: Reserve | undefined
  readonly #statements = new Map<string, StatementSync>()
  #durability: Durability = 'power'
  #depth = 0

  private constructor(db: DatabaseSync, reserve: Reserve | undefined) {
    this.#db = db
    this.#reserve = reserve
  }

  /** Opens or creates the database at `path` (`:memory:` for tests). Throws if it was written by a newer version. */
  static open(path: string): Database {
    const reserve = path === ':memory:' ? undefined : new Reserve(`${path}.reserve`)
    try {
      return new Database(openMigrated(path), reserve)
    } catch (error) {
      if (!reserve || !isFull(error)) throw error
      reserve.release()
      return new Database(openMigrated(path), reserve)
    }
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
    this.#reserve?.hold()
    this.#setDurability(durability)
    this.#db.exec('BEGIN IMMEDIATE')
    this.#depth++
    try {
      const result = body()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw explained(error)
    } finally {
      this.#depth--
    }
  }

  /**
   * As `transaction`, for one that gives things back or records what has happened: it works on a full disk, too. `body`
   * may run twice.
   */
  releasing<T>(body: () => T, durability: Durability = 'power'): T {
    if (this.#depth > 0) return body()
    try {
      return this.transaction(body, durability)
    } catch (error) {
      if (!(error instanceof Error) || !isFull(error.cause)) throw error
    }
    this.#reserve?.release()
    this.#restartLog()
    return this.transaction(body, durability)
  }

  // Begins the write-ahead log anew, in the space that it has; if not even that is possible, it has the reserve's.
  #restartLog() {
    try {
      this.#db.exec('PRAGMA wal_checkpoint(RESTART)')
    } catch (error) {
      if (!isFull(error)) throw explained(error)
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
    // The space of the write-ahead log, which is free now, is needed for the next one.
    this.#reserve?.hold({ atOnce: true })
  }
}

interface SqliteError extends Error {
  readonly errcode: number
}

function isSqliteError(error: unknown): error is SqliteError {
  return (
    !(error instanceof GantryError) && error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR'
  )
}

const SQLITE_FULL = 13

const isFull = (error: unknown): boolean => isSqliteError(error) && error.errcode === SQLITE_FULL

function explained(error: unknown): unknown {
  if (!isSqliteError(error)) return error
  const reason = isFull(error) ? 'no space left on device' : error.message
  return system(`The state database failed: ${reason}`, { cause: error })
}

// With the lock held all the time there is no index of the log in shared memory: on a full disk a write to that, a mapped
// file, can end the process with SIGBUS.
function openMigrated(path: string): DatabaseSync {
  const db = new DatabaseSync(path)
  db.exec(
    'PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA busy_timeout=0',
  )
  migrate(db, path)
  return db
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
