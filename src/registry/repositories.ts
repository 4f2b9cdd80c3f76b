// All repositories of a registry, and what they have in common: locks, quotas, and who has to know of new content.

import { Locks } from '../lib/locks.ts'
import type { ContentDigest } from './digest.ts'
import { type QuotaRule, Quotas } from './quotas.ts'
import { Repository } from './repository.ts'
import type { Storage } from './storage.ts'

/** All repositories of a registry. */
export class Repositories {
  readonly #storage: Storage
  readonly #locks = new Locks()
  /** One for each blob's content, by its digest: held by whoever brings it in or removes it. */
  readonly contentLocks = new Locks()
  readonly #notes = new Set<Set<string>>()
  readonly quotas: Quotas

  constructor(storage: Storage, quotas: readonly QuotaRule[] = []) {
    this.#storage = storage
    this.quotas = new Quotas(quotas, {
      isShared: storage.isShared,
      all: () => this.all(),
      sizes: name => this.open(name).sizes(),
    })
  }

  /** The repository `name`, which has been checked; there or not. */
  open(name: string): Repository {
    const linked = (digest: ContentDigest) => {
      for (const note of this.#notes) note.add(digest)
    }
    return new Repository(this.#storage, { own: this.#locks, content: this.contentLocks, linked }, this.quotas, name)
  }

  /** Gathers the digests of content that repositories get from now on, until it is disposed of. */
  watch(): Disposable & { readonly linked: ReadonlySet<string> } {
    const linked = new Set<string>()
    this.#notes.add(linked)
    return { linked, [Symbol.dispose]: () => void this.#notes.delete(linked) }
  }

  /** Names of all to which anything has been pushed, sorted. */
  async all(): Promise<string[]> {
    return [...new Set([...(await this.names()), ...(await this.#find('_blobs'))])].toSorted()
  }

  /** Names of all that have manifests, sorted. */
  async names(): Promise<string[]> {
    return await this.#find('_manifests')
  }

  /** Names of all to which something is being sent, sorted. */
  async receiving(): Promise<string[]> {
    return await this.#find('_uploads')
  }

  async #find(kind: string): Promise<string[]> {
    const names: string[] = []
    const visit = async (name: string) => {
      const below = await this.#storage.list(name === '' ? 'repositories' : `repositories/${name}`)
      if (below.includes(kind)) names.push(name)
      for (const part of below) if (!part.startsWith('_')) await visit(name === '' ? part : `${name}/${part}`)
    }
    await visit('')
    return names.toSorted()
  }
}
