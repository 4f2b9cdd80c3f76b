// Everything about one image, and how it came to be.

import { dirname, join } from 'node:path'
import type { GraphDriver } from '../api/types/container.ts'
import type { ImageConfig, ImageHistoryItem, ImageInspect } from '../api/types/image.ts'
import { formatTime, parseTime, zeroTime } from '../lib/clock.ts'
import { system } from '../lib/errors.ts'
import type { HistoryEntry } from '../oci/image-config.ts'
import type { Platform } from '../oci/manifest.ts'
import { familiarReference } from '../oci/reference.ts'
import { chainIds } from '../content/layers.ts'
import { storedReference } from './image-rows.ts'
import type { Image, ImageStore } from './store.ts'
import { resolveVariant } from './variants.ts'

const familiar = (names: readonly string[]) => names.map(name => familiarReference(storedReference(name)))

/**
 * The image as `docker inspect` shows it, the one for `platform` if that is given; fields that only old API versions have
 * are included.
 */
export function inspectImage(store: ImageStore, name: string, platform?: Platform): ImageInspect {
  const image = resolveVariant(store, name, platform)
  const { config } = image
  return {
    Id: image.id,
    RepoTags: familiar(image.references),
    RepoDigests: familiar(image.repoDigests),
    Parent: image.parent ?? '',
    Comment: config.comment || (config.history?.at(-1)?.comment ?? ''),
    Created: image.createdAt === 0n ? undefined : formatTime(image.createdAt),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: (config.config ?? {}) as ImageConfig,
    Architecture: config.architecture ?? '',
    Variant: config.variant || undefined,
    Os: config.os ?? '',
    OsVersion: config['os.version'] || undefined,
    Size: image.size,
    GraphDriver: graphDriver(store, image),
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids.length > 0 ? [...config.rootfs.diff_ids] : undefined },
    Metadata: {
      LastTagTime: image.taggedAt === undefined ? zeroTime : formatTime(image.taggedAt),
      ...(image.usedAt !== undefined && { LastUsedTime: formatTime(image.usedAt) }),
    },
  }
}

/** Where the layers are, in the words of Docker's overlay2 driver, which tools look for. */
function graphDriver({ layers }: ImageStore, { topLayer }: Image): GraphDriver {
  if (topLayer === undefined) return { Name: 'overlay2', Data: null }
  const [top = '', ...lower] = layers.chain(topLayer).map(chainId => layers.path(chainId))
  const directory = dirname(top)
  const own = { MergedDir: join(directory, 'merged'), UpperDir: top, WorkDir: join(directory, 'work') }
  return { Name: 'overlay2', Data: lower.length > 0 ? { LowerDir: lower.join(':'), ...own } : own }
}

/** The steps that made the image, latest first. Throws `system` if its config has more of them than layers. */
export function imageHistory(store: ImageStore, name: string, platform?: Platform): ImageHistoryItem[] {
  const image = resolveVariant(store, name, platform)
  const chain = chainIds(image.config.rootfs.diff_ids)
  const steps = image.config.history ?? []
  let used = 0
  const items = steps.map(step => {
    const chainId = step.empty_layer ? undefined : chain[used++]
    if (!step.empty_layer && chainId === undefined) throw system('too many non-empty layers in History section')
    return historyItem(step, chainId === undefined ? 0 : store.layers.size(chainId))
  })
  const latestFirst = items.toReversed()
  nameSteps(store, image, latestFirst)
  return latestFirst
}

function historyItem(
  { created, created_by: createdBy = '', comment = '' }: HistoryEntry,
  size: number,
): ImageHistoryItem {
  const time = created === undefined ? undefined : parseTime(created)
  const seconds = time === undefined ? 0 : Number(time / 1_000_000_000n)
  return { Comment: comment, Created: seconds, CreatedBy: createdBy, Id: '<missing>', Size: size, Tags: null }
}

// Each image this one was built from, as far as they are here, stands for one step.
function nameSteps(store: ImageStore, image: Image, steps: readonly ImageHistoryItem[]): void {
  let current: Image | undefined = image
  for (const step of steps) {
    if (!current) return
    step.Id = current.id
    step.Tags = current.references.length > 0 ? familiar(current.references) : null
    current = current.parent && store.get(current.parent)
  }
}
