// The list of images, with the filters of `docker images`.

import type { ImageSummary } from '../api/types/image.ts'
import type { Filters } from '../lib/filters.ts'
import { parseMoment } from '../lib/until.ts'
import { type Reference, familiarName, familiarReference } from '../oci/reference.ts'
import { globMatcher } from './glob.ts'
import { storedReference } from './image-rows.ts'
import type { Image, ImageStore } from './store.ts'
import { isSecondary } from './variants.ts'

export interface ListOptions {
  /** Also images that only serve as parents of others. */
  readonly all?: boolean
  readonly filters: Filters
  /** Fill in SharedSize, which is -1 otherwise. */
  readonly sharedSize?: boolean
  /** Fill in Containers, which is -1 otherwise. */
  readonly containerCount?: boolean
}

const acceptedFilters = ['before', 'dangling', 'label', 'reference', 'since', 'until']
const second = 1_000_000_000n

/** Images, newest first; one without a name has empty RepoTags and RepoDigests. Throws `invalid` for bad filters. */
export function listImages(store: ImageStore, options: ListOptions): ImageSummary[] {
  const { filters } = options
  filters.validate(acceptedFilters)
  const inPeriod = periodOf(store, filters)
  const selected = store.rows
    .all()
    .filter(
      image =>
        !isSecondary(store, image) &&
        inPeriod(image) &&
        filters.matchesLabels('label', image.config.config?.Labels ?? null),
    )
  const shown = selected.flatMap(image => namedSummary(store, image, options) ?? [])
  const summaries = shown.toSorted((a, b) => b.Created - a.Created || (a.Id < b.Id ? -1 : 1))
  if (options.sharedSize) addSharedSizes(store, summaries)
  return summaries
}

function namedSummary(store: ImageStore, image: Image, options: ListOptions): ImageSummary | undefined {
  const { all, filters, containerCount } = options
  const onlyDangling = filters.flag('dangling', false)
  const isParent = store.rows.children(image.id).length > 0
  const matches = referenceMatcher(filters)
  const tags = image.references.map(storedReference).filter(matches)
  const digests = image.repoDigests.map(storedReference).filter(matches)
  if (tags.length === 0 && digests.length === 0) {
    if (isParent && (!all || onlyDangling)) return undefined
    if ((filters.has('dangling') && !onlyDangling) || filters.has('reference')) return undefined
  } else if (onlyDangling && (tags.length > 0 || isParent)) return undefined
  return {
    ...summaryOf(image),
    Containers: containerCount ? store.usage.usedBy(image.id).length : -1,
    RepoTags: tags.map(familiarReference),
    RepoDigests: digests.map(familiarReference),
  }
}

function summaryOf({ id, parent, createdAt, size, config }: Image): ImageSummary {
  return {
    Containers: -1,
    Created: Number(createdAt / second),
    Id: id,
    Labels: config.config?.Labels ? { ...config.config.Labels } : null,
    ParentId: parent ?? '',
    RepoDigests: [],
    RepoTags: [],
    SharedSize: -1,
    Size: size,
  }
}

function referenceMatcher(filters: Filters): (reference: Reference) => boolean {
  if (!filters.has('reference')) return () => true
  const patterns = filters.get('reference').map(globMatcher)
  return reference =>
    patterns.some(pattern => pattern(familiarReference(reference)) || pattern(familiarName(reference)))
}

/** The conditions on the time of creation: `before`, `until` and `since`. */
function periodOf(store: ImageStore, filters: Filters): (image: Image) => boolean {
  const images = (name: string) => filters.get(name).map(value => store.resolve(value).createdAt)
  const untils = filters.get('until').map(value => parseMoment(value, store.clock.now()))
  const ends = [...images('before'), ...untils]
  const starts = images('since')
  return ({ createdAt }) => ends.every(end => createdAt < end) && starts.every(start => createdAt > start)
}

/** What an image's layers that other images have too come to. */
function addSharedSizes(store: ImageStore, summaries: ImageSummary[]): void {
  const chains = store.rows.all().map(image => (image.topLayer ? store.layers.chain(image.topLayer) : []))
  const uses = new Map<string, number>()
  for (const chainId of chains.flat()) uses.set(chainId, (uses.get(chainId) ?? 0) + 1)
  for (const summary of summaries) {
    const top = store.resolve(summary.Id).topLayer
    const shared = top ? store.layers.chain(top).filter(chainId => (uses.get(chainId) ?? 0) > 1) : []
    summary.SharedSize = shared.reduce((sum, chainId) => sum + store.layers.size(chainId), 0)
  }
}
