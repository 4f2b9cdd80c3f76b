// An image as an archive describes it, before anything of it is unpacked.

import { open } from 'node:fs/promises'
import type { BlobInfo, Blobs } from '../content/blobs.ts'
import { type Compression, compressionOf } from '../content/decompress.ts'
import { invalid } from '../lib/errors.ts'
import { type ImageConfig, maximumConfigSize, parseImageConfig } from '../oci/image-config.ts'
import { type Platform, mediaTypes } from '../oci/manifest.ts'
import type { Digest } from '../oci/digest.ts'
import { formatPlatform, matchesPlatform } from '../oci/platform.ts'
import type { Reference } from '../oci/reference.ts'

export interface ArchivedImage {
  readonly config: ImageConfig
  readonly configText: string
  readonly configBlob: BlobInfo & { readonly mediaType: string }
  /** Bottom first, one for each diffID of the config. */
  readonly layers: readonly (BlobInfo & { readonly mediaType: string })[]
  readonly manifest?: BlobInfo & { readonly mediaType: string }
  readonly names: readonly Reference[]
  /** The index that the names stand for. */
  readonly index?: Digest
}

/** Reads the config blob of an image with `layerCount` layers. Throws `invalid` as Docker does. */
export async function readConfig(blobs: Blobs, { digest }: BlobInfo, layerCount: number) {
  const bytes = await blobs.read(digest, maximumConfigSize)
  const config = parseImageConfig(bytes)
  if (config.os && config.os !== 'linux') throw invalid(`cannot load ${config.os} image on linux`)
  const expected = config.rootfs.diff_ids.length
  if (expected !== layerCount) {
    throw invalid(`invalid manifest, layers length mismatch: expected ${layerCount}, got ${expected}`)
  }
  return { config, configText: bytes.toString() }
}

/** Throws `invalid` if `wanted` is given and the image is for none of these platforms. */
export function checkPlatform({ config }: ArchivedImage, wanted: readonly Platform[]): void {
  if (wanted.length === 0) return
  const own = { os: config.os ?? 'linux', architecture: config.architecture ?? '', variant: config.variant }
  if (wanted.some(platform => matchesPlatform(own, platform))) return
  const asked = wanted.map(formatPlatform).join(', ')
  throw invalid(`requested platform (${asked}) not found: the image is for ${formatPlatform(own)}`)
}

const suffixes: Readonly<Record<Compression, string>> = {
  none: '',
  gzip: '+gzip',
  zstd: '+zstd',
  xz: '+xz',
  bzip2: '+bzip2',
}

/** The media type of a layer, by what it begins with: archives of Docker do not say. */
export async function layerMediaType(blobs: Blobs, { digest }: BlobInfo): Promise<string> {
  await using file = await open(blobs.path(digest))
  const { buffer, bytesRead } = await file.read(Buffer.alloc(6), 0, 6, 0)
  return mediaTypes.ociLayer + suffixes[compressionOf(buffer.subarray(0, bytesRead))]
}
