// Named and anonymous volumes: rows in the database, directories below the data root.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { removeTree } from '../kernel/remove-tree.ts'
import { type Clock, formatTime } from '../lib/clock.ts'
import { conflict, invalid, notFound } from '../lib/errors.ts'
import type { Filters } from '../lib/filters.ts'
import type { Ids } from '../lib/ids.ts'
import { Locks } from '../lib/locks.ts'
import type { Database } from '../state/database.ts'
import { type VolumeDefinition, type VolumeRequest, anonymousLabel, checkRequest } from './definition.ts'
import { mountBacking, isMounted, unmountBacking } from './backing.ts'
import { fill, finishFilling } from './fill.ts'
import { treeSize } from './tree-size.ts'

/** A volume as the Engine API shows it. */
export interface Volume {
  CreatedAt: string
  Driver: 'local'
  Labels: Record<string, string> | null
  Mountpoint: string
  Name: string
  Options: Record<string, string> | null
  Scope: 'local'
}

/** The ids of the containers that have the volume among their mounts, running or not. */
export type UsersOf = (volume: string) => readonly string[]

interface Row {
  name: string
  created: bigint
  definition: VolumeDefinition
}

/** The volumes of one data root. */
export class Volumes {
  readonly #database: Database
  readonly #root: string
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #locks = new Locks()

  /** `root` is the directory of all volumes; it is made if it is missing. */
  constructor({ database, root, clock, ids }: { database: Database; root: string; clock: Clock; ids: Ids }) {
    this.#database = database
    this.#root = root
    this.#clock = clock
    this.#ids = ids
    mkdirSync(root, { recursive: true, mode: 0o701 })
  }

  /** Where a volume's data is, whether or not there is such a volume. */
  mountpoint(name: string): string {
    return join(this.#root, name, '_data')
  }

  /** The volume of that name, made if it doesn't exist. Throws dockerd's messages for a bad request. */
  ensure(request: VolumeRequest): { name: string; isNew: boolean } {
    checkRequest(request)
    if (request.name !== '' && this.#find(request.name)) return { name: request.name, isNew: false }
    const name = request.name || this.#ids.next()
    const labels = request.name === '' ? { ...request.labels, [anonymousLabel]: '' } : orNull(request.labels)
    this.#makeDirectory(name)
    this.#insert({ name, created: this.#clock.now(), definition: { labels, options: orNull(request.options) } })
    return { name, isNew: true }
  }

  /** POST /volumes/create. An existing volume is returned as it is. */
  create(body: {
    Name: string
    Driver: string
    DriverOpts: Record<string, string> | null
    Labels: Record<string, string> | null
  }): Volume {
    const { name } = this.ensure({
      name: body.Name,
      driver: body.Driver,
      options: body.DriverOpts,
      labels: body.Labels,
    })
    return this.inspect(name)
  }

  /** GET /volumes/{name}. */
  inspect(name: string): Volume {
    return this.#shape(this.#get(name))
  }

  /** True if there is a volume of that name. */
  has(name: string): boolean {
    return this.#find(name) !== undefined
  }

  /** GET /volumes: those that match the filters name, label, driver and dangling, by name. */
  list(filters: Filters, usersOf: UsersOf): Volume[] {
    filters.validate(['dangling', 'name', 'driver', 'label'])
    const dangling = filters.has('dangling') ? filters.flag('dangling', false) : undefined
    return this.#all()
      .filter(
        ({ name, definition }) => filters.matches('name', name) && filters.matchesLabels('label', definition.labels),
      )
      .filter(() => filters.matchesExactly('driver', 'local'))
      .filter(({ name }) => dangling === undefined || (usersOf(name).length === 0) === dangling)
      .map(row => this.#shape(row))
  }

  /** DELETE /volumes/{name}. Throws dockerd's conflict if containers use it; a missing one is fine if forced. */
  removeUnused(name: string, { force, usersOf }: { force: boolean; usersOf: UsersOf }): void {
    if (force && !this.#find(name)) return
    this.#get(name)
    const users = usersOf(name)
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`)
    this.remove(name)
  }

  /** Removes a volume and its data; does nothing if there is none. The caller knows that no container uses it. */
  remove(name: string): void {
    if (!this.#find(name)) return
    unmountBacking(this.mountpoint(name))
    // Should the daemon die now, the mark keeps a later volume of this name from finding these data.
    writeFileSync(join(this.#root, name, removedMark), '')
    this.#database.transaction(() => this.#database.prepare('DELETE FROM volume WHERE name = ?').run(name))
    this.#removeDirectory(name)
  }

  /**
   * POST /volumes/prune: removes unused anonymous volumes, or with the filter `all` (and before API 1.42) named ones too.
   * Volumes with options stay: nothing would be freed.
   */
  async prune(filters: Filters, usersOf: UsersOf, version: { atLeast(version: string): boolean }) {
    filters.validate(['label', 'label!', 'all'])
    const all = filters.flag('all', !version.atLeast('1.42'))
    const candidates = this.#all()
      .filter(({ definition: { labels } }) => all || (labels !== null && anonymousLabel in labels))
      .filter(({ definition: { labels } }) => filters.matchesLabels('label', labels))
      .filter(({ definition: { labels } }) => !filters.has('label!') || !filters.matchesLabels('label!', labels))
      .filter(({ name, definition }) => !definition.options && usersOf(name).length === 0)
    const VolumesDeleted: string[] = []
    let SpaceReclaimed = 0
    for (const { name } of candidates) {
      const size = await this.size(name)
      // It may have found a user while its size was measured.
      if (usersOf(name).length > 0) continue
      this.remove(name)
      VolumesDeleted.push(name)
      SpaceReclaimed += size
    }
    return { VolumesDeleted, SpaceReclaimed }
  }

  /** The bytes a volume's files have; 0 if it is gone. */
  size(name: string): Promise<number> {
    return treeSize(this.mountpoint(name))
  }

  /** Gives an empty volume the content of `path` in the image's tree at `root`. Safe against whatever is in there. */
  async copyUp(name: string, root: Fd, path: string): Promise<void> {
    using held = new DisposableStack()
    held.use(await this.#locks.hold(name))
    if (this.#get(name).definition.options) await this.#mount(name)
    await fill(join(this.#root, name), root, path)
  }

  /** Makes sure that the volume can be used, mounted if it has options, and returns where its data are. */
  async prepare(name: string): Promise<string> {
    using held = new DisposableStack()
    held.use(await this.#locks.hold(name))
    const { definition } = this.#get(name)
    mkdirSync(this.mountpoint(name), { recursive: true, mode: 0o755 })
    if (definition.options) await this.#mount(name)
    else finishFilling(join(this.#root, name))
    return this.mountpoint(name)
  }

  /** Unmounts volumes with options that no running container uses any more. */
  release(isRunningUser: (volume: string) => boolean): void {
    for (const { name, definition } of this.#all()) {
      if (definition.options && !isRunningUser(name)) unmountBacking(this.mountpoint(name))
    }
  }

  async #mount(name: string) {
    const path = this.mountpoint(name)
    const { options } = this.#get(name).definition
    if (options?.type && !isMounted(path)) await mountBacking(options, path)
  }

  #makeDirectory(name: string) {
    const home = join(this.#root, name)
    if (existsSync(join(home, removedMark))) this.#removeDirectory(name)
    mkdirSync(home, { recursive: true, mode: 0o701 })
    mkdirSync(this.mountpoint(name), { recursive: true, mode: 0o755 })
  }

  #removeDirectory(name: string) {
    using root = openPath(this.#root)
    removeTree(root, name)
  }

  #insert({ name, created, definition }: Row) {
    this.#database.transaction(() =>
      this.#database
        .prepare('INSERT INTO volume (name, created_at, definition) VALUES (?, ?, ?)')
        .run(name, created, JSON.stringify(definition)),
    )
  }

  #get(name: string): Row {
    const row = this.#find(name)
    if (!row) throw notFound(`get ${name}: no such volume`)
    return row
  }

  #find(name: string): Row | undefined {
    if (name === '') throw invalid('volume name cannot be empty')
    const row = this.#database.prepare(`${select} WHERE name = ?`).get(name)
    return row && rowOf(row)
  }

  #all(): Row[] {
    return this.#database.prepare(`${select} ORDER BY name`).all().map(rowOf)
  }

  #shape({ name, created, definition }: Row): Volume {
    return {
      // dockerd shows whole seconds.
      CreatedAt: formatTime((created / 1_000_000_000n) * 1_000_000_000n),
      Driver: 'local',
      Labels: definition.labels,
      Mountpoint: this.mountpoint(name),
      Name: name,
      Options: definition.options,
      Scope: 'local',
    }
  }
}

const removedMark = '_removed'

// Nanoseconds don't fit the numbers that columns are read as.
const select = 'SELECT name, CAST(created_at AS TEXT) AS created, definition FROM volume'

const rowOf = (row: Record<string, unknown>): Row => ({
  name: String(row.name),
  created: BigInt(String(row.created)),
  definition: JSON.parse(String(row.definition)) as VolumeDefinition,
})

const orNull = (record: Record<string, string> | null | undefined) =>
  record && Object.keys(record).length > 0 ? { ...record } : null
