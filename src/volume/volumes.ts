// Named and anonymous volumes: rows in the database, directories below the data root.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import type { RemoveTree } from '../kernel/remove-tree.ts'
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

/** A volume in use: it stays mounted until this is disposed of. */
export interface VolumeHold extends Disposable {
  /** Where its data are. */
  readonly path: string
}

/** The ids of the containers that have the volume among their mounts, running or not. */
export type UsersOf = (volume: string) => readonly string[]

interface Row {
  name: string
  created: bigint
  definition: VolumeDefinition
}

/** What volumes are made with. */
export interface VolumesOptions {
  readonly database: Database
  /** The directory of all volumes; it is made if it is missing. */
  readonly root: string
  readonly clock: Clock
  readonly ids: Ids
  readonly removeTree: RemoveTree
}

/** The volumes of one data root. */
export class Volumes {
  readonly #database: Database
  readonly #root: string
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #removeTree: RemoveTree
  readonly #locks = new Locks()
  /** How many use each volume. */
  readonly #users = new Map<string, number>()

  constructor({ database, root, clock, ids, removeTree }: VolumesOptions) {
    this.#database = database
    this.#root = root
    this.#clock = clock
    this.#ids = ids
    this.#removeTree = removeTree
    mkdirSync(root, { recursive: true, mode: 0o701 })
  }

  /** Where a volume's data is, whether or not there is such a volume. */
  mountpoint(name: string): string {
    return join(this.#root, name, '_data')
  }

  /**
   * The volume of that name, made if it doesn't exist. Throws dockerd's messages for a bad request. A `pending` one is
   * there for good only once it is kept: see `keep`, `drop` and `recover`.
   */
  ensure(request: VolumeRequest, { pending = false } = {}): { name: string; isNew: boolean } {
    checkRequest(request)
    if (request.name !== '' && this.#find(request.name)) return { name: request.name, isNew: false }
    const name = request.name || this.#ids.next()
    const labels = request.name === '' ? { ...request.labels, [anonymousLabel]: '' } : orNull(request.labels)
    this.#makeDirectory(name)
    const definition = { labels, options: orNull(request.options), ...(pending && { pending }) }
    this.#insert({ name, created: this.#clock.now(), definition })
    return { name, isNew: true }
  }

  /** Makes pending volumes lasting, in the caller's transaction. */
  keep(names: readonly string[]): void {
    for (const name of names) {
      const row = this.#find(name)
      if (row?.definition.pending) this.#update({ ...row, definition: { ...row.definition, pending: undefined } })
    }
  }

  /** Removes the volume if it is pending still. */
  async drop(name: string): Promise<void> {
    if (this.#find(name)?.definition.pending) await this.remove(name)
  }

  /** Removes volumes in the caller's transaction; their data are there until `clear`. No container may use them. */
  forget(names: readonly string[]): void {
    const statement = this.#database.prepare('DELETE FROM volume WHERE name = ?')
    for (const name of names) {
      // Should the daemon die before they are cleared, the mark says that it isn't a row that is lost.
      writeMark(join(this.#root, name, removedMark))
      statement.run(name)
    }
  }

  /** Removes the data of volumes that were forgotten. */
  async clear(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#discard(name)
  }

  /**
   * After a start: finishes removals that were cut short, and removes what was made for containers that never were. The
   * volumes are right at once; the promise is for the data of those that are no more.
   */
  async recover(): Promise<void> {
    const pending = this.#all().filter(({ definition }) => definition.pending)
    const names = pending.map(({ name }) => name)
    if (names.length > 0) this.#database.releasing(() => this.forget(names))
    const left = readdirSync(this.#root).map(name => this.#recoverDirectory(name))
    for (const name of left) if (name !== undefined) await this.#removeTree(this.#root, name)
  }

  // Returns the name of a directory that is to be removed.
  #recoverDirectory(name: string): string | undefined {
    const home = join(this.#root, name)
    if (name.startsWith(removedPrefix)) return name
    if (this.#find(name)) rmSync(join(home, removedMark), { force: true })
    else if (existsSync(join(home, removedMark))) return this.#moveAway(name)
    // Data without a row are someone's all the same.
    else removeIfEmpty(this.mountpoint(name), home)
    return undefined
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
  async removeUnused(name: string, { force, usersOf }: { force: boolean; usersOf: UsersOf }): Promise<void> {
    if (force && !this.#find(name)) return
    this.#get(name)
    const users = usersOf(name)
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`)
    await this.remove(name)
  }

  /** Removes a volume and its data; does nothing if there is none. The caller knows that no container uses it. */
  async remove(name: string): Promise<void> {
    if (!this.#find(name)) return
    this.#database.releasing(() => this.forget([name]))
    await this.#discard(name)
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
      await this.remove(name)
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
    using _use = this.adopt(name)
    using held = new DisposableStack()
    held.use(await this.#locks.hold(name))
    if (this.#get(name).definition.options) await this.#mount(name)
    await fill(join(this.#root, name), root, path)
  }

  /** Makes sure that the volume can be used, mounted if it has options, until the result is disposed of. */
  async hold(name: string): Promise<VolumeHold> {
    // From now on nobody unmounts it.
    const use = this.adopt(name)
    try {
      using held = new DisposableStack()
      held.use(await this.#locks.hold(name))
      const { definition } = this.#get(name)
      mkdirSync(this.mountpoint(name), { recursive: true, mode: 0o755 })
      if (definition.options) await this.#mount(name)
      else finishFilling(join(this.#root, name))
      return use
    } catch (error) {
      use[Symbol.dispose]()
      throw error
    }
  }

  /** As `hold`, for one that is in use already: by a container that an earlier daemon started. */
  adopt(name: string): VolumeHold {
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1)
    let ended = false
    return {
      path: this.mountpoint(name),
      [Symbol.dispose]: () => {
        if (!ended) this.#endUse(name)
        ended = true
      },
    }
  }

  #endUse(name: string) {
    const left = (this.#users.get(name) ?? 0) - 1
    if (left > 0) {
      this.#users.set(name, left)
      return
    }
    this.#users.delete(name)
    if (this.#find(name)?.definition.options) unmountBacking(this.mountpoint(name))
  }

  /** Unmounts what nobody uses: an earlier daemon left it. */
  unmountUnused(): void {
    for (const { name, definition } of this.#all()) {
      if (definition.options && !this.#users.has(name)) unmountBacking(this.mountpoint(name))
    }
  }

  async #mount(name: string) {
    const path = this.mountpoint(name)
    const { options } = this.#get(name).definition
    if (options?.type && !isMounted(path)) await mountBacking(options, path)
  }

  #makeDirectory(name: string) {
    const home = join(this.#root, name)
    // Its removal failed at the time.
    if (existsSync(join(home, removedMark))) renameSync(home, this.#trash())
    mkdirSync(home, { recursive: true, mode: 0o701 })
    mkdirSync(this.mountpoint(name), { recursive: true, mode: 0o755 })
  }

  async #discard(name: string) {
    const moved = this.#moveAway(name)
    if (moved !== undefined) await this.#removeTree(this.#root, moved)
  }

  // The name may be taken again at once, however long it takes to remove the data.
  #moveAway(name: string): string | undefined {
    unmountBacking(this.mountpoint(name))
    const trash = this.#trash()
    try {
      renameSync(join(this.#root, name), trash)
      return basename(trash)
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  #trash(): string {
    return join(this.#root, `${removedPrefix}${this.#ids.next()}`)
  }

  #update({ name, definition }: Row) {
    this.#database.prepare('UPDATE volume SET definition = ? WHERE name = ?').run(JSON.stringify(definition), name)
  }

  #insert({ name, created, definition }: Row) {
    this.#database.transaction(
      () =>
        this.#database
          .prepare('INSERT INTO volume (name, created_at, definition) VALUES (?, ?, ?)')
          .run(name, created, JSON.stringify(definition)),
      definition.pending ? 'process' : 'power',
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
// No volume's name begins with a dot.
const removedPrefix = '.removed-'

// The directory may be gone already. On a full disk there is no mark: data would outlast a crash at this very moment.
function writeMark(path: string) {
  try {
    writeFileSync(path, '')
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOSPC', 'EDQUOT')) throw error
  }
}

// rmdir refuses whatever has something in it.
function removeIfEmpty(...directories: readonly string[]) {
  for (const directory of directories) {
    try {
      rmdirSync(directory)
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTEMPTY', 'ENOTDIR', 'EBUSY')) throw error
    }
  }
}

// Nanoseconds don't fit the numbers that columns are read as.
const select = 'SELECT name, CAST(created_at AS TEXT) AS created, definition FROM volume'

const rowOf = (row: Record<string, unknown>): Row => ({
  name: String(row.name),
  created: BigInt(String(row.created)),
  definition: JSON.parse(String(row.definition)) as VolumeDefinition,
})

const orNull = (record: Record<string, string> | null | undefined) =>
  record && Object.keys(record).length > 0 ? { ...record } : null
