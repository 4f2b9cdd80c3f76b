// Keeping what images take on disk within bounds: the ones that were not used for the longest time go first.

import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { totalSize } from './disk-usage.ts'
import { removeImage } from './remove.ts'
import type { Image, ImageStore } from './store.ts'
import { isSecondary } from './variants.ts'

/** When images are removed without being asked to be. */
export interface RetentionLimits {
  /** Bytes of all images; 0: no limit, nothing is ever removed. */
  readonly maxSize: number
  /** Milliseconds for which an image stays after its last use, whatever its size. */
  readonly minAge: number
}

/** Part of the limit that is left free when images are removed, so that it is not done for each new one. */
const slack = 0.1

/**
 * Removes images that no container has, the one that was used longest ago first, until all come to a little less than the
 * limit; returns how many those were. None that was used lately is removed.
 */
export function enforceLimits(store: ImageStore, { maxSize, minAge }: RetentionLimits): number {
  if (maxSize === 0 || totalSize(store) <= maxSize) return 0
  store.blobs.partial.prune()
  const newest = store.clock.now() - BigInt(minAge) * 1_000_000n
  const candidates = store.rows
    .all()
    .filter(image => !isSecondary(store, image) && lastUse(image) < newest)
    .toSorted((one, other) => (lastUse(one) < lastUse(other) ? -1 : 1))
  let removed = 0
  for (const image of candidates) {
    if (totalSize(store) <= maxSize * (1 - slack)) break
    if (removeWhole(store, image)) removed++
  }
  return removed
}

/** Nanoseconds since the epoch. One of which nothing is known came before that was noted. */
const lastUse = ({ usedAt, taggedAt }: Image): bigint => usedAt ?? taggedAt ?? 0n

// With all its names, or not at all: a container, or an image built on it, keeps it.
function removeWhole(store: ImageStore, image: Image): boolean {
  if (store.usage.usedBy(image.id).length > 0 || store.rows.children(image.id).length > 0) return false
  const names = [...image.references, ...image.repoDigests]
  try {
    for (const name of names) if (store.rows.find(name) === image.id) removeImage(store, name)
    if (store.get(image.id)) removeImage(store, image.id)
  } catch {
    // Meanwhile it is used.
  }
  return store.get(image.id) === undefined
}

/** Enforces the limits from time to time, and soon after an image has come. */
export class Retention implements Disposable {
  readonly #store: ImageStore
  readonly #limits: () => RetentionLimits
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #soon: NodeJS.Immediate | undefined

  constructor(store: ImageStore, limits: () => RetentionLimits, log: Log) {
    this.#store = store
    this.#limits = limits
    this.#log = log
    this.#timer = setInterval(() => this.#enforce(), hour).unref()
  }

  /** An image has come, or a container that kept one has gone. */
  changed(): void {
    if (this.#limits().maxSize === 0) return
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined
      this.#enforce()
    })
  }

  #enforce(): void {
    try {
      const removed = enforceLimits(this.#store, this.#limits())
      if (removed > 0) this.#log.info({ removed }, 'Images were removed that had not been used for long')
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, 'Images could not be removed')
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    clearImmediate(this.#soon)
  }
}

const hour = 3_600_000
