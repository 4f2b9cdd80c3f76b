// GET /system/df: what images, containers and volumes take on disk, and what of it could be freed.

import type { ContainerSummary } from '../api/types/container.ts'
import type { ImageSummary } from '../api/types/image.ts'
import type { DiskUsage, SystemDataUsage } from '../api/types/system.ts'
import type { Volume } from '../api/types/volume.ts'
import type { ApiVersion } from '../api/version.ts'
import type { Engine } from '../container/engine.ts'
import { list } from '../container/list.ts'
import { usesVolume } from '../container/remove.ts'
import { sizesOf } from '../container/sizes.ts'
import { totalSize, usedSize } from '../image/disk-usage.ts'
import { listImages } from '../image/list.ts'
import { invalid } from '../lib/errors.ts'
import { Filters } from '../lib/filters.ts'

const kinds = ['container', 'image', 'volume', 'build-cache'] as const
type Kind = (typeof kinds)[number]

export interface DiskUsageQuery {
  /** Kinds of objects; none: all of them. */
  readonly types: readonly string[]
  /** Since API 1.52: with the objects, not only their sums. */
  readonly verbose: boolean
  readonly version: ApiVersion
}

type Parts = Pick<Engine, 'settings' | 'containers' | 'images' | 'layers' | 'volumes' | 'networks' | 'clock'>

/** In the form that clients of the version know: lists before API 1.53, sums since 1.52. */
export async function diskUsage(engine: Parts, query: DiskUsageQuery): Promise<SystemDataUsage> {
  const wanted = wantedKinds(query.types)
  const images = wanted('image') ? imageItems(engine) : undefined
  const containers = wanted('container') ? await containerItems(engine) : undefined
  const volumes = wanted('volume') ? await volumeItems(engine) : undefined
  const LayersSize = wanted('image') ? layersSize(engine) : 0
  const lists = {
    LayersSize,
    Images: images ?? null,
    Containers: containers ?? null,
    Volumes: volumes ?? null,
    BuildCache: wanted('build-cache') ? [] : null,
  }
  if (!query.version.atLeast('1.52')) return lists
  const items = <T>(all: readonly T[]) => (query.verbose && all.length > 0 ? { Items: [...all] } : {})
  return {
    ...(!query.version.atLeast('1.53') && lists),
    ...(images && { ImageUsage: { ...imageSums(engine, images), ...items(images) } }),
    ...(containers && { ContainerUsage: { ...containerSums(containers), ...items(containers) } }),
    ...(volumes && { VolumeUsage: { ...volumeSums(volumes), ...items(volumes) } }),
    ...(wanted('build-cache') && {
      BuildCacheUsage: sums(
        [],
        () => 0,
        () => false,
      ),
    }),
  }
}

function wantedKinds(types: readonly string[]): (kind: Kind) => boolean {
  const unknown = types.find(type => !kinds.some(kind => kind === type))
  if (unknown !== undefined) throw invalid(`unknown object type: ${unknown}`)
  return kind => types.length === 0 || types.includes(kind)
}

const imageItems = ({ images }: Parts): ImageSummary[] =>
  listImages(images, { filters: new Filters(), sharedSize: true, containerCount: true })

async function containerItems(engine: Parts): Promise<ContainerSummary[]> {
  const found: ContainerSummary[] = []
  // One after the other: each walks its own files with many reads at once.
  for (const summary of list(engine, { all: true, limit: 0, filters: new Filters() })) {
    const container = engine.containers.find(summary.Id)
    if (container) found.push({ ...summary, ...(await sizesOf(engine, container)) })
  }
  return found
}

async function volumeItems({ volumes, containers }: Parts): Promise<Volume[]> {
  const usersOf = (name: string) =>
    containers
      .all()
      .filter(container => usesVolume(container, name))
      .map(({ id }) => id)
  const found: Volume[] = []
  for (const volume of volumes.list(new Filters(), usersOf)) {
    const UsageData = { RefCount: usersOf(volume.Name).length, Size: await volumes.size(volume.Name) }
    found.push({ ...volume, UsageData })
  }
  return found
}

/** What all images' layers come to, each counted once. */
function layersSize({ images, layers }: Parts): number {
  const chains = new Set(images.rows.topLayers().flatMap(top => layers.chain(top)))
  return [...chains].reduce((sum, chainId) => sum + layers.size(chainId), 0)
}

function sums<T>(all: readonly T[], sizeOf: (item: T) => number, isActive: (item: T) => boolean): DiskUsage<T> {
  const total = (some: readonly T[]) => some.reduce((sum, item) => sum + sizeOf(item), 0)
  return {
    ActiveCount: all.filter(isActive).length,
    Reclaimable: total(all.filter(item => !isActive(item))),
    TotalCount: all.length,
    TotalSize: total(all),
  }
}

const isUsed = ({ Containers }: ImageSummary) => Containers > 0

// With the blobs that images came as, and parts of blobs, which the older form has no place for. What an image in use shares
// with others is not freed with them.
function imageSums({ images: store }: Parts, images: readonly ImageSummary[]): DiskUsage<ImageSummary> {
  const total = totalSize(store)
  return { ...sums(images, ({ Size }) => Size, isUsed), TotalSize: total, Reclaimable: total - usedSize(store) }
}

const containerSums = (containers: readonly ContainerSummary[]) =>
  sums(
    containers,
    ({ SizeRw = 0 }) => SizeRw,
    ({ State }) => ['running', 'paused', 'restarting'].includes(State),
  )

const volumeSums = (volumes: readonly Volume[]) =>
  sums(
    volumes,
    ({ UsageData }) => UsageData?.Size ?? 0,
    ({ UsageData }) => (UsageData?.RefCount ?? 0) > 0,
  )
