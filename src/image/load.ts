// Loading images from an archive: all of them or none.

import { invalid } from '../lib/errors.ts'
import { shortId } from '../lib/ids.ts'
import type { Digest } from '../oci/digest.ts'
import type { Platform } from '../oci/manifest.ts'
import { familiarReference, formatReference } from '../oci/reference.ts'
import { type ArchivedImage, checkPlatform } from './archived-image.ts'
import { dockerManifestName, readDockerArchive } from './docker-archive.ts'
import { type ArchivedLayout, indexName, layoutName, readOciLayout } from './oci-layout.ts'
import { type Report, progressLine } from './progress.ts'
import { Spool } from './spool.ts'
import { type ImageStore, type NewImage, type Staging, createdAt } from './store.ts'

export interface LoadOptions {
  /** Takes the lines of the answer. */
  readonly report: Report
  /** Without the progress of layers. */
  readonly quiet?: boolean
  /** Which image to take where there are several; any of these. */
  readonly platforms?: readonly Platform[]
  readonly signal?: AbortSignal
}

/**
 * Loads the images of an archive that `docker save` made, or in OCI layout, compressed or not; returns their ids. Throws
 * `invalid` if it is damaged or not what it says; nothing is left of it then.
 */
export async function loadImages(
  store: ImageStore,
  input: AsyncIterable<Buffer>,
  options: LoadOptions,
): Promise<Digest[]> {
  await using staging = store.stage()
  const { signal } = options
  const bounds = store.layers.limits.expansion
  const spool = await Spool.read(store.blobs, staging.blobs, input, { bounds, signal })
  const { images: archived, indexes } = await readArchive(store, spool, options.platforms ?? [])
  const images: NewImage[] = []
  for (const image of archived) images.push(await unpackImage(store, staging, image, options))
  await store.sync()
  const lost = store.commit(
    images,
    archived.flatMap(({ names, configBlob, index, manifest }) =>
      names.map(name => [name, configBlob.digest, { index, manifest: manifest?.digest }] as const),
    ),
    indexes,
  )
  reportLoaded(archived, lost, options.report)
  for (const image of archived) emitLoaded(store, image)
  return images.map(({ id }) => id)
}

// An archive of `docker save` may have both forms. Only a layout says what there is for several platforms.
async function readArchive(store: ImageStore, spool: Spool, platforms: readonly Platform[]): Promise<ArchivedLayout> {
  const isLayout = spool.find(layoutName) !== undefined && spool.find(indexName) !== undefined
  if (spool.find(dockerManifestName) && !isLayout) {
    const images = await readDockerArchive(store.blobs, spool)
    for (const image of images) checkPlatform(image, platforms)
    return { images, indexes: [] }
  }
  if (spool.find(indexName)) return await readOciLayout(store.blobs, spool, platforms)
  throw invalid(`invalid archive: does not contain a ${dockerManifestName}`)
}

async function unpackImage(
  store: ImageStore,
  staging: Staging,
  image: ArchivedImage,
  { report, quiet, signal }: LoadOptions,
): Promise<NewImage> {
  const { config, configText, configBlob, layers, manifest } = image
  const diffIds = config.rootfs.diff_ids
  const sources = diffIds.map((diffId, index) => {
    const digest = layers[index]?.digest
    return { diffId, digest, archive: store.blobs.path(digest ?? diffId) }
  })
  const show = (index: number, current: number) => {
    const total = layers[index]?.size ?? current
    if (!quiet) report(progressLine(shortId(diffIds[index] ?? ''), 'Loading layer', Math.min(current, total), total))
  }
  const onUnpacked = (index: number) => show(index, Number.MAX_SAFE_INTEGER)
  const topLayer = await store.layers.unpack(sources, staging.layers, { signal, onProgress: show, onUnpacked })
  return {
    id: configBlob.digest,
    configText,
    topLayer,
    parent: undefined,
    size: topLayer === undefined ? 0 : store.layers.chainSize(topLayer),
    createdAt: createdAt(config),
    blobs: [
      { ...configBlob, kind: 'config', position: 0 },
      ...(manifest ? [{ ...manifest, kind: 'manifest', position: 0 } as const] : []),
      ...layers.map((layer, position) => ({ ...layer, kind: 'layer', position }) as const),
    ],
  }
}

// The ids are shown only if there is no name to show.
function reportLoaded(archived: readonly ArchivedImage[], lost: ReadonlyMap<string, Digest>, report: Report): void {
  const names = archived.flatMap(image => image.names)
  for (const name of names) {
    const familiar = familiarReference(name)
    const before = lost.get(formatReference(name))
    if (before !== undefined) {
      const text = `The image ${familiar} already exists, renaming the old one with ID ${before} to empty string\n`
      report({ stream: text })
    }
    report({ stream: `Loaded image: ${familiar}\n` })
  }
  if (names.length > 0) return
  for (const { configBlob } of archived) report({ stream: `Loaded image ID: ${configBlob.digest}\n` })
}

function emitLoaded(store: ImageStore, { configBlob }: ArchivedImage): void {
  const { digest } = configBlob
  store.emit('load', digest, digest)
}
