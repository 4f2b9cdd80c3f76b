// An image made of another and one more layer.

import { formatTime } from '../lib/clock.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import { type ExecutionConfig, type HistoryEntry, type ImageConfig, parseImageConfig } from '../oci/image-config.ts'
import { mediaTypes } from '../oci/manifest.ts'
import { hostPlatform } from '../oci/platform.ts'
import { type Reference, familiarReference } from '../oci/reference.ts'
import type { ImageBlob, ImageStore, NewImage, Staging } from './store.ts'

export interface CommitOptions {
  /** The image that the layer lies on. */
  readonly parent: Digest
  /** The layer's archive, uncompressed. Its pieces must not change once they are given. */
  readonly layer: AsyncIterable<Buffer>
  readonly config: ExecutionConfig
  readonly author: string
  readonly comment: string
  /** For the image's history. */
  readonly createdBy: string
  /** Called when all is ready: throws if the image is not to be after all. */
  readonly check: () => void
  readonly name?: Reference
  readonly signal?: AbortSignal
}

/** An archive without entries: two blocks of zeros. Such a layer is left out. */
const emptyArchive = 1024

/** Makes the image; returns its id. Throws `notFound` if the parent is gone, and what `layer` throws; nothing is left then. */
export async function commitImage(store: ImageStore, options: CommitOptions): Promise<Digest> {
  const { signal, name, check } = options
  await using staging = store.stage()
  const parent = store.resolve(options.parent)
  const parts = store.partsOf(parent.id)
  hold(staging, parts.layers, parent.topLayer)
  const blob = await store.blobs.put(options.layer, staging.blobs, {}, { durable: false })
  const isEmpty = blob.size === emptyArchive
  const added = isEmpty ? [] : [{ ...blob, mediaType: mediaTypes.ociLayer, kind: 'layer' as const }]
  const layers = [...parts.layers, ...added].map((layer, position) => ({ ...layer, position }))
  const diffIds = [...parent.config.rootfs.diff_ids, ...added.map(({ digest }) => digest)]
  const sources = diffIds.map((diffId, index) => ({
    diffId,
    archive: store.blobs.path(layers[index]?.digest ?? diffId),
  }))
  const topLayer = await store.layers.unpack(sources, staging.layers, { signal })
  const created = store.clock.now()
  const configText = configOf(parent.config, diffIds, options, { created: formatTime(created), isEmpty })
  // What could not be read again must not be kept.
  parseImageConfig(Buffer.from(configText))
  const configBlob = await store.blobs.put([Buffer.from(configText)], staging.blobs, {}, { durable: false })
  await store.sync()
  signal?.throwIfAborted()
  check()
  const image: NewImage = {
    id: digestOf(configText),
    configText,
    topLayer,
    // Meanwhile it may have been removed.
    parent: store.get(parent.id)?.id,
    size: topLayer === undefined ? 0 : store.layers.chainSize(topLayer),
    createdAt: created,
    blobs: [{ ...configBlob, kind: 'config', position: 0, mediaType: mediaTypes.dockerConfig }, ...layers],
  }
  store.commit([image], name ? [[name, image.id]] : [])
  if (name) announce(store, image.id, name)
  return image.id
}

function hold(staging: Staging, layers: readonly ImageBlob[], topLayer: Digest | undefined): void {
  for (const { digest } of layers) staging.blobs.add(digest)
  if (topLayer !== undefined) staging.layers.add(topLayer)
}

function announce(store: ImageStore, id: Digest, name: Reference): void {
  store.rows.setTaggedAt(id, store.clock.now())
  store.emit('tag', id, familiarReference(name))
}

function configOf(
  parent: ImageConfig,
  diffIds: readonly Digest[],
  { config, author, comment, createdBy }: CommitOptions,
  { created, isEmpty }: { created: string; isEmpty: boolean },
): string {
  const step: HistoryEntry = {
    created,
    ...(author !== '' && { author }),
    created_by: createdBy,
    ...(comment !== '' && { comment }),
    ...(isEmpty && { empty_layer: true }),
  }
  const text: ImageConfig = {
    architecture: parent.architecture ?? hostPlatform.architecture,
    variant: parent.variant,
    ...(author !== '' && { author }),
    config,
    created,
    history: [...(parent.history ?? []), step],
    os: parent.os ?? hostPlatform.os,
    'os.version': parent['os.version'],
    'os.features': parent['os.features'],
    rootfs: { type: 'layers', diff_ids: diffIds },
  }
  return JSON.stringify(text)
}
