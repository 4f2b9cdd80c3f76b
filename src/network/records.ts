// The networks every daemon has, as rows of the table `network`: `bridge`, `host` and `none`.

import type { Clock } from '../lib/clock.ts'
import type { Ids } from '../lib/ids.ts'
import type { Database } from '../state/database.ts'

/** The subnets of a bridge network, in CIDR form, with the bridge's own addresses in them. */
export interface BridgePlan {
  readonly bridge: string
  readonly subnet4: string
  readonly gateway4: string
  readonly subnet6?: string
  readonly gateway6?: string
  /** The part of the subnet from which containers get addresses, if not all of it. */
  readonly range4?: string
  readonly range6?: string
  /** Where containers send what is for elsewhere, if not to the bridge. */
  readonly router4?: string
  readonly router6?: string
}

/** A network as it is kept. */
export interface NetworkRecord {
  readonly id: string
  readonly name: string
  /** Nanoseconds since the Unix epoch. */
  readonly createdAt: bigint
  readonly definition: Definition
}

export type Definition = { driver: 'host' } | { driver: 'null' } | ({ driver: 'bridge' } & BridgePlan)

/** The rows, read as they are asked for. */
export class NetworkRecords {
  readonly #database: Database
  readonly #ids: Ids
  readonly #clock: Clock

  constructor(database: Database, ids: Ids, clock: Clock) {
    this.#database = database
    this.#ids = ids
    this.#clock = clock
  }

  /** The network called `name`; undefined if there is none. */
  find(name: string): NetworkRecord | undefined {
    const statement = this.#database.prepare('SELECT id, name, created_at, definition FROM network WHERE name = ?')
    statement.setReadBigInts(true)
    const row = statement.get(name)
    if (!row) return undefined
    const definition: Definition = JSON.parse(String(row.definition))
    return { id: String(row.id), name: String(row.name), createdAt: BigInt(String(row.created_at)), definition }
  }

  /** Makes the network `name` be as `definition` says; its id and time stay if it was there. */
  save(name: string, definition: Definition): NetworkRecord {
    const before = this.find(name)
    const text = JSON.stringify(definition)
    if (before && JSON.stringify(before.definition) === text) return before
    const record = {
      id: before?.id ?? this.#ids.next(),
      name,
      createdAt: before?.createdAt ?? this.#clock.now(),
      definition,
    }
    this.#database.transaction(() => {
      const sql = 'INSERT OR REPLACE INTO network (id, name, created_at, definition) VALUES (?, ?, ?, ?)'
      this.#database.prepare(sql).run(record.id, name, record.createdAt, text)
    })
    return record
  }
}
