// The manifest of an image that is here: the one it came with, or one made of its blobs.

import { digestOf } from '../oci/digest.ts'
import { type Descriptor, maximumManifestSize, mediaTypes } from '../oci/manifest.ts'
import type { ImageBlob } from './image-rows.ts'
import type { ImageIndex } from './index-rows.ts'
import type { ImageParts, ImageStore } from './store.ts'

export interface ImageManifest {
  readonly descriptor: Descriptor
  readonly text: string
}

/** The same for the same blobs, whenever it is asked for. */
export async function imageManifest(
  store: ImageStore,
  { manifest, config, layers }: ImageParts,
): Promise<ImageManifest> {
  if (manifest) {
    const bytes = await store.blobs.read(manifest.digest, maximumManifestSize)
    return { descriptor: describe(manifest), text: bytes.toString() }
  }
  const parts = { config: { ...describe(config), mediaType: mediaTypes.ociConfig }, layers: layers.map(describe) }
  const text = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, ...parts })
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(text), size: Buffer.byteLength(text) }
  return { descriptor, text }
}

/** What points to a blob. */
export const describe = ({ mediaType, digest, size }: ImageBlob | ImageIndex): Descriptor => ({
  mediaType,
  digest,
  size,
})
