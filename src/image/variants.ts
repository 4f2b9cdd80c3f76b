// Which of the images that a name stands for is meant: an index has one for each of several platforms.

import { notFound } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { ImageConfig } from '../oci/image-config.ts'
import type { Platform } from '../oci/manifest.ts'
import { formatPlatform, hostPlatform, matchesPlatform } from '../oci/platform.ts'
import type { Image, Origin } from './image-rows.ts'
import type { ImageStore } from './store.ts'

/** The platform that an image's configuration says; what it leaves out is this host's. */
export function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  const { os: hostOs, architecture: hostArchitecture } = hostPlatform
  return { os: os || hostOs, architecture: architecture || hostArchitecture, ...(variant && { variant }) }
}

/** The images that are here under `name`, the one that it means without a platform first. Throws `notFound` if there is none. */
export function variantsOf(store: ImageStore, name: string): Image[] {
  const main = store.resolve(name)
  const index = store.indexOf(name)
  const ids = index ? store.indexes.variants(index.digest).map(({ image }) => image) : []
  const others = [...new Set(ids)].filter(id => id !== main.id)
  return [main, ...others.flatMap(id => store.get(id) ?? [])]
}

/** True if the image is one of an index that has a name, and has none of its own: it goes with that name. */
export const isSecondary = (store: ImageStore, { id, references, repoDigests }: Image): boolean =>
  references.length === 0 && repoDigests.length === 0 && store.indexes.namesOf(id).length > 0

/**
 * The image that `name` stands for on `platform`; without one, the image that it means anyway. Throws `notFound` with
 * dockerd's sentence if it is not here for that platform.
 */
export function resolveVariant(store: ImageStore, name: string, platform: Platform | undefined): Image {
  const variants = variantsOf(store, name)
  const found = platform ? forPlatform(variants, platform) : variants[0]
  if (found) return found
  const asked = platform ? formatPlatform(platform) : ''
  throw notFound(`image with reference ${name} was found but does not provide the specified platform (${asked})`)
}

/** The first of `images` that is made for `platform`. */
export const forPlatform = (images: readonly Image[], platform: Platform): Image | undefined =>
  images.find(({ config }) => matchesPlatform(platformOf(config), platform))

/** Of an index's images, the one for this host, or else the first. */
export function mainVariant<T extends { readonly config: ImageConfig }>(
  images: readonly T[],
  wanted: readonly Platform[] = [],
): T | undefined {
  for (const platform of [...wanted, hostPlatform]) {
    const found = images.find(({ config }) => matchesPlatform(platformOf(config), platform))
    if (found) return found
  }
  return images[0]
}

/** The manifest by which the index of `origin` names the image, or that itself; or else one that the image came with. */
export function manifestOf(store: ImageStore, image: Digest, { index, manifest }: Origin): Digest | undefined {
  const named = index && store.indexes.variants(index).find(variant => variant.image === image)
  return named?.manifest ?? manifest ?? store.partsOf(image).manifest?.digest
}
