// Which of the images that a name stands for is the one for a container, and whether this host runs it at all.

import { notFound } from '../lib/errors.ts'
import type { Platform } from '../oci/manifest.ts'
import type { Image, ImageStore } from '../image/store.ts'
import { forPlatform, platformOf, variantsOf } from '../image/variants.ts'
import { formatPlatform, hostPlatform, parsePlatform } from '../oci/platform.ts'

/**
 * The image that `name` stands for on `asked`, '' for no matter, and what the user should know about it. Throws dockerd's
 * notFound if it is there for another platform only, so that clients pull the right one; invalid for no platform at all.
 */
export function chooseImage(images: ImageStore, name: string, asked: string): { image: Image; warnings: string[] } {
  if (asked === '') {
    const image = images.resolve(name)
    const actual = platformOf(image.config)
    return { image, warnings: runsHere(actual) ? [] : [foreign(actual)] }
  }
  const wanted = parsePlatform(asked)
  const variants = variantsOf(images, name)
  const image = forPlatform(variants, wanted)
  if (image) return { image, warnings: [] }
  const actual = variants.map(({ config }) => formatPlatform(platformOf(config))).join(', ')
  throw notFound(
    `image with reference ${name} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${actual}`,
  )
}

const foreign = (actual: Platform) =>
  `The requested image's platform (${formatPlatform(actual)}) does not match the detected host platform (${formatPlatform(hostPlatform)}) and no specific platform was requested`

/** Architectures whose programs the processor runs as well. */
const alsoRun: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' }

function runsHere({ os, architecture }: Platform): boolean {
  const host = hostPlatform.architecture
  return os === hostPlatform.os && [host, alsoRun[host]].includes(architecture)
}
