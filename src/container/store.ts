// The containers the daemon knows: rows in the database, objects in memory, found by id, name or prefix.

import { conflict, invalid, notFound } from '../lib/errors.ts'
import type { Database, Durability } from '../state/database.ts'
import { Container, type Definition, type State } from './model.ts'

const newestFirst = (a: Container, b: Container) => (a.createdAt < b.createdAt ? 1 : a.createdAt > b.createdAt ? -1 : 0)

/** All containers. The database has what must outlast the daemon; objects exist once each. */
export class ContainerStore {
  readonly #database: Database
  readonly #byId = new Map<string, Container>()
  readonly #byName = new Map<string, Container>()

  constructor(database: Database) {
    this.#database = database
    for (const row of database.prepare('SELECT name, definition, state FROM container').all()) {
      const definition = JSON.parse(String(row.definition)) as Definition
      this.#remember(new Container(String(row.name), definition, JSON.parse(String(row.state)) as State))
    }
  }

  #remember(container: Container) {
    this.#byId.set(container.id, container)
    this.#byName.set(container.name, container)
  }

  /** Every container, newest first. */
  all(): Container[] {
    return [...this.#byId.values()].toSorted(newestFirst)
  }

  isNameTaken(name: string): boolean {
    return this.#byName.has(name)
  }

  /** Throws dockerd's conflict if `name` belongs to a container. */
  checkNameFree(name: string): void {
    const holder = this.#byName.get(name)
    if (!holder) return
    throw conflict(
      `Conflict. The container name "/${name}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
    )
  }

  /** The container with this id, name or unique prefix of an id. Throws notFound as dockerd words it. */
  get(reference: string): Container {
    const container = this.find(reference)
    if (container) return container
    throw notFound(`No such container: ${reference}`)
  }

  /** Like get, but undefined where there is none. An ambiguous prefix is an error all the same. */
  find(reference: string): Container | undefined {
    if (reference === '') throw invalid('invalid container reference: the name or ID is empty')
    const exact = this.#byId.get(reference) ?? this.#byName.get(reference.replace(/^\//, ''))
    if (exact) return exact
    const matches = [...this.#byId.keys()].filter(id => id.startsWith(reference))
    if (matches.length > 1) throw invalid(`Multiple IDs found with provided prefix: ${reference}`)
    return this.#byId.get(matches[0] ?? '')
  }

  /** Keeps a new container and does what `also` does, in one transaction. */
  add(container: Container, also: () => void): void {
    this.checkNameFree(container.name)
    const { id, name, definition, state } = container
    this.#database.transaction(() => {
      this.#database
        .prepare('INSERT INTO container (id, name, image_id, created_at, definition, state) VALUES (?, ?, ?, ?, ?, ?)')
        .run(id, name, definition.imageId, Date.now(), JSON.stringify(definition), JSON.stringify(state))
      also()
    }, durabilityOf(container))
    this.#remember(container)
  }

  /** Keeps a container's state as it is now and does what `also` does, in one transaction. */
  saveState(container: Container, also: () => void = () => {}): void {
    this.#writeState(container, durabilityOf(container), also)
  }

  /** As saveState, for what a power cut may take with it because it ends the container anyway. */
  savePassing(container: Container): void {
    this.#writeState(container, 'process')
  }

  #writeState(container: Container, durability: Durability, also: () => void = () => {}): void {
    this.#database.releasing(() => {
      this.#database
        .prepare('UPDATE container SET state = ? WHERE id = ?')
        .run(JSON.stringify(container.state), container.id)
      also()
    }, durability)
  }

  /** Gives a container another definition and keeps it, in one transaction. */
  saveDefinition(container: Container, definition: Definition): void {
    this.#database.transaction(() => {
      this.#database
        .prepare('UPDATE container SET definition = ? WHERE id = ?')
        .run(JSON.stringify(definition), container.id)
    }, durabilityOf(container))
    container.definition = definition
  }

  rename(container: Container, name: string): void {
    this.checkNameFree(name)
    this.#database.transaction(() => {
      this.#database.prepare('UPDATE container SET name = ? WHERE id = ?').run(name, container.id)
    })
    this.#byName.delete(container.name)
    container.name = name
    this.#byName.set(name, container)
  }

  /** Forgets a container and does what `also` does, in one transaction. */
  remove(container: Container, also: () => void): void {
    this.#database.releasing(() => {
      this.#database.prepare('DELETE FROM container WHERE id = ?').run(container.id)
      also()
    }, durabilityOf(container))
    this.#byId.delete(container.id)
    this.#byName.delete(container.name)
  }
}

// A container that removes itself would be removed after a power cut anyway: nothing is lost if its row is.
function durabilityOf(container: Container): Durability {
  return container.definition.hostConfig.AutoRemove ? 'process' : 'power'
}
