// What images take on disk: their unpacked layers and the blobs that they came as, each counted once.

import type { Digest } from '../oci/digest.ts'
import type { ImageStore } from './store.ts'
import { variantsOf } from './variants.ts'

/** Bytes of the layers and blobs of `ids`, and of the indexes that their names stand for; what several have counts once. */
export function contentSize(store: ImageStore, ids: Iterable<Digest>): number {
  const layers = new Set<Digest>()
  const blobs = new Map<Digest, number>()
  for (const id of ids) {
    const image = store.get(id)
    if (!image) continue
    if (image.topLayer !== undefined) for (const chainId of store.layers.chain(image.topLayer)) layers.add(chainId)
    for (const { digest, size, kind } of store.rows.blobs(id)) {
      blobs.set(digest, size)
      if (kind === 'manifest') for (const blob of store.referrers.blobs(digest)) blobs.set(blob.digest, blob.size)
    }
    for (const name of [...image.references, ...image.repoDigests]) {
      const index = store.indexes.ofName(name)
      const ofIndex = index ? [...store.indexes.blobs(index.digest), ...store.referrers.blobs(index.digest)] : []
      for (const { digest, size } of ofIndex) blobs.set(digest, size)
    }
  }
  const unpacked = [...layers].reduce((sum, chainId) => sum + store.layers.size(chainId), 0)
  return [...blobs.values()].reduce((sum, size) => sum + size, unpacked)
}

/** The images that containers have, and those that go with their names. */
export function imagesInUse(store: ImageStore): Digest[] {
  const isUsed = (id: Digest) => store.usage.usedBy(id).length > 0
  return store.rows
    .all()
    .filter(({ id, references, repoDigests }) => {
      const names = [...references, ...repoDigests]
      return isUsed(id) || names.some(name => variantsOf(store, name).some(variant => isUsed(variant.id)))
    })
    .map(({ id }) => id)
}

const allImages = (store: ImageStore): Digest[] => store.rows.all().map(({ id }) => id)

/** Bytes of everything that is kept for images. */
export const totalSize = (store: ImageStore): number => contentSize(store, allImages(store)) + store.blobs.partial.size

/** Bytes of what would be left if all images that no container has were removed. */
export const usedSize = (store: ImageStore): number => contentSize(store, imagesInUse(store))
