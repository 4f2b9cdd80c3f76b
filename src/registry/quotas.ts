// How much repositories may hold: the bytes of all content that they have, each blob once.

import { Locks } from '../lib/locks.ts'
import type { ContentDigest } from './digest.ts'
import { RegistryError } from './errors.ts'
import { matcher } from './patterns.ts'

/** A limit for the repositories whose names match. */
export interface QuotaRule {
  /** A pattern of names. */
  readonly repository: string
  readonly bytes: number
  /** The limit is for each of them, not for all together. */
  readonly each: boolean
}

/** What quotas ask about repositories. */
export interface Holdings {
  /** Whether other processes may add something, too. */
  readonly isShared: boolean
  /** Names of all that hold anything. */
  all(): Promise<readonly string[]>
  /** Bytes of each blob and manifest of a repository. */
  sizes(name: string): Promise<ReadonlyMap<ContentDigest, number>>
}

/** Milliseconds for which a count is taken for right where other processes may have added something. */
const countedFor = 300_000

interface CompiledRule extends QuotaRule {
  readonly matches: (name: string) => boolean
}

export class Quotas {
  readonly #rules: readonly CompiledRule[]
  readonly #holdings: Holdings
  readonly #locks = new Locks()
  readonly #counts = new Map<string, { readonly sizes: Promise<Map<ContentDigest, number>>; readonly at: number }>()
  /** What was admitted and is on its way: whether it is there yet or not, it counts. */
  readonly #coming = new Set<{ readonly name: string; readonly digest: ContentDigest; readonly size: number }>()

  constructor(rules: readonly QuotaRule[], holdings: Holdings) {
    this.#rules = rules.map(rule => ({ ...rule, matches: matcher(rule.repository) }))
    this.#holdings = holdings
  }

  #rulesFor(name: string) {
    return this.#rules.filter(({ matches }) => matches(name))
  }

  /**
   * The bytes that a repository may still get, or that content with this digest may have; Infinity without a quota. Throws DENIED
   * if there are none left.
   */
  async room(name: string, digest?: ContentDigest): Promise<number> {
    let least = Number.POSITIVE_INFINITY
    for (const rule of this.#rulesFor(name)) {
      const content = await this.#contentOf(rule, name)
      const counted = digest && content.get(digest)
      const left = counted ?? rule.bytes - sum(content)
      if (counted === undefined && left <= 0) throw usedUp(rule)
      least = Math.min(least, left)
    }
    return least
  }

  /**
   * Counts content for a repository, unless it has it already, and has it brought there by `bring`. Throws DENIED if that is more
   * than the repository may hold.
   */
  async admit(name: string, digest: ContentDigest, size: number, bring: () => Promise<void>): Promise<void> {
    if (this.#rulesFor(name).length === 0) return await bring()
    const one = { name, digest, size }
    await this.#reserve(one)
    try {
      await bring()
      // A count that began before it was there may have missed it.
      ;(await this.#counts.get(name)?.sizes)?.set(digest, size)
    } catch (error) {
      this.forget(name)
      throw error
    } finally {
      this.#coming.delete(one)
    }
  }

  async #reserve(one: { readonly name: string; readonly digest: ContentDigest; readonly size: number }): Promise<void> {
    const { name, digest, size } = one
    using _lock = await this.#locks.hold('')
    for (const rule of this.#rulesFor(name)) {
      const content = await this.#contentOf(rule, name)
      if (!content.has(digest) && sum(content) + size > rule.bytes) throw usedUp(rule)
    }
    this.#coming.add(one)
  }

  /** To be told when a repository no longer has something; without a name, any. */
  forget(name?: string): void {
    if (name === undefined) this.#counts.clear()
    else this.#counts.delete(name)
  }

  async #contentOf(rule: CompiledRule, name: string): Promise<Map<ContentDigest, number>> {
    const all = rule.each ? [] : (await this.#holdings.all()).filter(other => rule.matches(other))
    const content = new Map<ContentDigest, number>()
    for (const one of new Set(all).add(name))
      for (const [digest, size] of await this.#count(one)) content.set(digest, size)
    for (const coming of this.#coming)
      if (coming.name === name || (!rule.each && rule.matches(coming.name))) content.set(coming.digest, coming.size)
    return content
  }

  async #count(name: string): Promise<Map<ContentDigest, number>> {
    const known = this.#counts.get(name)
    if (known && (!this.#holdings.isShared || Date.now() - known.at < countedFor)) return await known.sizes
    const sizes = this.#holdings.sizes(name).then(found => new Map(found))
    const counted = { sizes, at: Date.now() }
    this.#counts.set(name, counted)
    sizes.catch(() => {
      if (this.#counts.get(name) === counted) this.#counts.delete(name)
    })
    return await sizes
  }
}

const sum = (content: ReadonlyMap<ContentDigest, number>) => content.values().reduce((total, size) => total + size, 0)

/** DENIED: a repository may hold no more. */
function usedUp({ repository, bytes, each }: QuotaRule): RegistryError {
  const what = each ? `each of ${repository}` : `${repository} together`
  return new RegistryError('DENIED', `the quota of ${bytes} bytes for ${what} does not allow more: delete something`)
}

/** Passes on at most `room` bytes. Throws DENIED where more come. */
export async function* within(source: AsyncIterable<Uint8Array>, room: number): AsyncGenerator<Uint8Array, void, void> {
  let left = room
  for await (const chunk of source) {
    left -= chunk.length
    if (left < 0) throw new RegistryError('DENIED', 'the quota of the repository does not allow a blob of this size')
    yield chunk
  }
}
