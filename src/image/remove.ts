// Removing names and images, with Docker's rules of what stands in the way.

import type { ImageDeleteItem, ImagePruneResponse } from '../api/types/image.ts'
import { chainIds } from '../content/layers.ts'
import { conflict } from '../lib/errors.ts'
import type { Filters } from '../lib/filters.ts'
import { shortId } from '../lib/ids.ts'
import { type Digest, hexOf } from '../oci/digest.ts'
import type { Platform } from '../oci/manifest.ts'
import { parseMoment } from '../lib/until.ts'
import { familiarReference, parseReference, repositoryOf } from '../oci/reference.ts'
import { storedReference } from './image-rows.ts'
import { totalSize } from './disk-usage.ts'
import { type ImageStore, lookupName } from './store.ts'
import { isSecondary, resolveVariant, variantsOf } from './variants.ts'

export interface RemoveOptions {
  readonly force?: boolean
  /** Keep the parents that nothing else needs. */
  readonly noPrune?: boolean
}

/** A removal under way: what was done so far, and by which rules. */
interface Removal {
  readonly store: ImageStore
  readonly records: ImageDeleteItem[]
  readonly force: boolean
  readonly prune: boolean
  /** Images of indexes whose names have been removed. */
  readonly orphans: Set<Digest>
  /** Blobs of such indexes. */
  readonly blobs: Digest[]
}

function begin(store: ImageStore, { force = false, noPrune = false }: RemoveOptions): Removal {
  return { store, records: [], force, prune: !noPrune, orphans: new Set(), blobs: [] }
}

/** Removes what only served an index that is gone; returns all that was done. */
function finish(removal: Removal): ImageDeleteItem[] {
  const { store, orphans, blobs, force, records } = removal
  for (const id of orphans) if (store.get(id) && !isNamed(store, id)) deleteImage(removal, id, force, true)
  store.collect(blobs)
  return records
}

const isNamed = (store: ImageStore, id: Digest): boolean =>
  store.rows.references(id).length > 0 || store.indexes.namesOf(id).length > 0

/**
 * Removes the name `name`, and the image itself if that was its last; given an id, the image with all its names. Returns what
 * was done. Throws `notFound`, or `conflict` with Docker's sentences.
 */
export function removeImage(store: ImageStore, name: string, options: RemoveOptions = {}): ImageDeleteItem[] {
  const { id } = store.resolve(name)
  const removal = begin(store, options)
  const { force } = removal
  const isName = !id.startsWith(name) && !hexOf(id).startsWith(name)
  if (isName) {
    if (!untagOne(removal, id, name)) deleteImage(removal, id, force, true)
  } else {
    const single = isSingleReference(store.rows.references(id))
    const problem = single ? conflictOf(store, id, !force, false) : undefined
    if (problem) throw conflictError(id, problem)
    if (single) for (const reference of store.rows.references(id)) untag(removal, id, reference)
    deleteImage(removal, id, force, false)
  }
  return finish(removal)
}

/**
 * Removes the images for `platforms` from those that `name` stands for; with the last of them goes the name. Throws
 * `notFound` if one is not here, or `conflict` as removeImage does.
 */
export function removeVariants(
  store: ImageStore,
  name: string,
  platforms: readonly Platform[],
  options: RemoveOptions = {},
): ImageDeleteItem[] {
  const gone = new Set(platforms.map(platform => resolveVariant(store, name, platform).id))
  const [next] = variantsOf(store, name).filter(({ id }) => !gone.has(id))
  const index = store.indexOf(name)
  if (!next || !index) return removeImage(store, name, options)
  for (const id of gone) {
    const problem = conflictOf(store, id, !options.force, false)
    if (problem) throw conflictError(id, problem)
  }
  const removal = begin(store, options)
  store.rows.transaction(() => {
    for (const id of gone) {
      const names = store.rows
        .references(id)
        .filter(reference => store.indexes.ofName(reference)?.digest === index.digest)
      for (const reference of names) store.rows.name(storedReference(reference), next.id, { index: index.digest })
      store.indexes.removeVariant(index.digest, id)
    }
  })
  for (const id of gone) removal.orphans.add(id)
  return finish(removal)
}

/** Removes one name; true if the image has others left. */
function untagOne(removal: Removal, id: Digest, name: string): boolean {
  const { store, force } = removal
  if (!force && isSingleReference(store.rows.references(id))) {
    const [container] = variantsOf(store, name).flatMap(variant => store.usage.usedBy(variant.id))
    if (container) {
      throw conflict(
        `conflict: unable to remove repository reference "${name}" (must force) - container ${shortId(container.id)} is using its referenced image ${shortId(id)}`,
      )
    }
  }
  const reference = parseReference(name)
  untag(removal, id, lookupName(reference))
  if (reference.digest === undefined) untagDigests(removal, id, repositoryOf(reference))
  return store.rows.references(id).length > 0
}

// Digests alone do not keep a repository's image once its last tag is gone.
function untagDigests(removal: Removal, id: Digest, repository: string): void {
  const names = removal.store.rows.references(id)
  const ofRepository = names.filter(name => repositoryOf(storedReference(name)) === repository)
  if (ofRepository.some(name => !name.includes('@'))) return
  for (const name of ofRepository) untag(removal, id, name)
}

function untag({ store, records, orphans, blobs }: Removal, id: Digest, reference: string): void {
  const index = store.indexes.ofName(reference)
  for (const { image } of index ? store.indexes.variants(index.digest) : []) if (image !== id) orphans.add(image)
  store.rows.releasing(() => {
    store.rows.unname(reference)
    blobs.push(...store.dropUnnamed())
  })
  const familiar = familiarReference(storedReference(reference))
  records.push({ Untagged: familiar })
  store.emit('untag', id, id)
}

const repositories = (names: readonly string[]) => new Set(names.map(name => repositoryOf(storedReference(name))))

/** True for at most one tag, with digests of the same repository only. */
function isSingleReference(names: readonly string[]): boolean {
  if (names.length <= 1) return true
  const tags = names.filter(name => !name.includes('@'))
  const digested = repositories(names.filter(name => name.includes('@')))
  return (
    tags.length <= 1 && digested.size === 1 && [...repositories(tags)].every(repository => digested.has(repository))
  )
}

/** What keeps an image from being deleted; `hard` is what force does not overcome, `used` that a container has it. */
interface Conflict {
  readonly hard: boolean
  readonly used: boolean
  readonly reason: string
}

function conflictOf(store: ImageStore, id: Digest, stopped: boolean, named: boolean): Conflict | undefined {
  if (store.rows.children(id).length > 0) {
    return { hard: true, used: false, reason: 'image has dependent child images' }
  }
  const containers = store.usage.usedBy(id)
  const inUse = (running: boolean) => {
    const container = containers.find(candidate => candidate.running === running)
    return container && `image is being used by ${running ? 'running' : 'stopped'} container ${shortId(container.id)}`
  }
  const byRunning = inUse(true)
  if (byRunning !== undefined) return { hard: true, used: true, reason: byRunning }
  if (named && store.rows.references(id).length > 0) {
    return { hard: false, used: false, reason: 'image is referenced in multiple repositories' }
  }
  const byStopped = stopped ? inUse(false) : undefined
  return byStopped === undefined ? undefined : { hard: false, used: true, reason: byStopped }
}

function conflictError(id: Digest, { hard, reason }: Conflict) {
  return conflict(
    `conflict: unable to delete ${shortId(id)} (${hard ? 'cannot be forced' : 'must be forced'}) - ${reason}`,
  )
}

/** Deletes an image and the parents that only served it. With `quiet` a conflict is passed over unless the user has to know. */
function deleteImage(removal: Removal, id: Digest, force: boolean, quiet: boolean): void {
  const { store, records, prune } = removal
  const problem = conflictOf(store, id, !force, !force)
  if (problem) {
    const dangling = store.rows.references(id).length === 0 && store.rows.children(id).length === 0
    if (quiet && (!dangling || problem.used)) return
    throw conflictError(id, problem)
  }
  const image = store.get(id)
  if (!image) return
  for (const reference of store.rows.references(id)) untag(removal, id, reference)
  records.push({ Deleted: id })
  deleteContent(removal, id)
  store.emit('delete', id, id)
  if (prune && image.parent !== undefined && store.get(image.parent)) deleteImage(removal, image.parent, false, true)
}

function deleteContent({ store, records }: Removal, id: Digest): void {
  const blobs = store.rows.blobs(id).map(({ digest }) => digest)
  const own = new Set(chainIds(store.get(id)?.config.rootfs.diff_ids ?? []))
  store.rows.releasing(() => {
    store.rows.delete(id)
    blobs.push(...store.dropUnnamed())
  })
  for (const chainId of store.collect(blobs)) if (own.has(chainId)) records.push({ Deleted: chainId })
}

const acceptedFilters = ['dangling', 'label', 'label!', 'until']

/** Removes the images that no container uses: those without a name, or with the filter `dangling=false` any. */
export function pruneImages(store: ImageStore, filters: Filters): ImagePruneResponse {
  filters.validate(acceptedFilters)
  const onlyDangling = filters.flag('dangling', true)
  const untils = filters.get('until').map(value => parseMoment(value, store.clock.now()))
  const before = totalSize(store)
  const deleted: ImageDeleteItem[] = []
  for (const image of store.rows.all()) {
    const { id, config, createdAt, references, repoDigests } = image
    const labels = config.config?.Labels ?? {}
    if (isSecondary(store, image)) continue
    if (onlyDangling && (references.length > 0 || store.rows.children(id).length > 0)) continue
    if (isUsed(store, id, [...references, ...repoDigests]) || untils.some(until => createdAt > until)) continue
    if (!filters.matchesLabels('label', labels)) continue
    if (filters.has('label!') && filters.matchesLabels('label!', labels)) continue
    deleted.push(...pruneOne(store, id, [...references, ...repoDigests]))
  }
  // What was begun and is not being gone on with belongs to no image, either.
  store.blobs.partial.prune()
  return { ImagesDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: before - totalSize(store) }
}

/** True if a container has the image, or another one that goes with its names. */
const isUsed = (store: ImageStore, id: Digest, names: readonly string[]): boolean =>
  [id, ...names.flatMap(name => variantsOf(store, name).map(variant => variant.id))].some(
    variant => store.usage.usedBy(variant).length > 0,
  )

// An image that lies below another that is kept stays.
function pruneOne(store: ImageStore, id: Digest, names: readonly string[]): ImageDeleteItem[] {
  if (!store.get(id) || store.rows.children(id).length > 0) return []
  if (names.length === 0) return removeImage(store, id)
  return names.flatMap(name => (store.rows.find(name) === id ? removeImage(store, name) : []))
}
