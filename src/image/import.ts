// Importing a file system as an image of one layer.

import { shortId } from '../lib/ids.ts'
import { formatTime } from '../lib/clock.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import type { ExecutionConfig } from '../oci/image-config.ts'
import { mediaTypes } from '../oci/manifest.ts'
import { hostPlatform, parsePlatform } from '../oci/platform.ts'
import { familiarReference } from '../oci/reference.ts'
import { layerMediaType } from './archived-image.ts'
import { applyChanges } from './changes.ts'
import type { Report } from './progress.ts'
import { type ImageStore, type NewImage } from './store.ts'
import { targetReference } from './tag.ts'

export interface ImportOptions {
  /** Where the archive comes from, for the image's comment: `-` or a URL. */
  readonly source: string
  readonly repository: string
  readonly tag: string
  readonly message: string
  /** Dockerfile instructions. */
  readonly changes: readonly string[]
  /** `os/architecture/variant`, or '' for this host's. */
  readonly platform: string
  readonly report: Report
  readonly signal?: AbortSignal
}

/** Makes an image of an archive, compressed or not; returns its id. Throws `invalid`, and leaves nothing then. */
export async function importImage(
  store: ImageStore,
  input: AsyncIterable<Buffer>,
  options: ImportOptions,
): Promise<Digest> {
  const name = targetReference(options.repository, options.tag)
  const config = applyChanges({}, options.changes)
  const platform = options.platform === '' ? hostPlatform : parsePlatform(options.platform)
  await using staging = store.stage()
  const layer = await store.blobs.put(input, staging.blobs, {}, { durable: false })
  const diffId = await store.layers.unpackBase(store.blobs.path(layer.digest), staging.layers, {
    signal: options.signal,
  })
  const created = store.clock.now()
  const comment = options.message || `Imported from ${options.source}`
  const configText = configJson(config, platform, { created: formatTime(created), comment }, diffId)
  const configBlob = await store.blobs.put([Buffer.from(configText)], staging.blobs, {}, { durable: false })
  await store.sync()
  const image: NewImage = {
    id: digestOf(configText),
    configText,
    topLayer: diffId,
    parent: undefined,
    size: store.layers.size(diffId),
    createdAt: created,
    blobs: [
      { ...configBlob, kind: 'config', position: 0, mediaType: mediaTypes.dockerConfig },
      { ...layer, kind: 'layer', position: 0, mediaType: await layerMediaType(store.blobs, layer) },
    ],
  }
  store.commit([image], name ? [[name, image.id]] : [])
  options.report({ status: image.id })
  store.emit('import', image.id, name ? familiarReference(name) : shortId(image.id))
  return image.id
}

function configJson(
  config: ExecutionConfig,
  platform: typeof hostPlatform,
  step: { readonly created: string; readonly comment: string },
  diffId: Digest,
): string {
  const { os, architecture, variant } = platform
  const rootfs = { type: 'layers', diff_ids: [diffId] }
  return JSON.stringify({
    architecture,
    variant,
    comment: step.comment,
    config,
    created: step.created,
    history: [step],
    os,
    rootfs,
  })
}
