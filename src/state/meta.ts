// Small facts that outlast the daemon, by key.

import type { Database } from './database.ts'

/** The table `meta`. */
export class Meta {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  get(key: string): string | undefined {
    const row = this.#database.prepare('SELECT value FROM meta WHERE key = ?').get(key)
    return row === undefined ? undefined : String(row.value)
  }

  set(key: string, value: string): void {
    this.#database.transaction(() => {
      this.#database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(key, value)
    })
  }

  /** The value of `key`, made by `create` the first time. */
  ensure(key: string, create: () => string): string {
    const present = this.get(key)
    if (present !== undefined) return present
    const value = create()
    this.set(key, value)
    return value
  }
}
