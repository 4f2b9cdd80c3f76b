// Image manifests and indexes (OCI image-spec manifest.md, image-index.md, and Docker's schema 2).

import { invalid } from '../lib/errors.ts'
import { type Digest, isDigest } from './digest.ts'

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const

export interface Platform {
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
}

/** Points to a blob: its type, digest and size in bytes. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly platform?: Platform
  readonly annotations?: Readonly<Record<string, string>>
  readonly urls?: readonly string[]
  readonly artifactType?: string
}

export interface Manifest {
  readonly kind: 'manifest'
  readonly schemaVersion: 2
  readonly mediaType?: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  /** What it is about, if it refers to another manifest. */
  readonly subject?: Descriptor
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Index {
  readonly kind: 'index'
  readonly schemaVersion: 2
  readonly mediaType?: string
  readonly manifests: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** Largest manifest or index that is read, in bytes, as registries limit it. */
export const maximumManifestSize = 4 << 20

/**
 * Reads a manifest or index and says which it is. A document that could be both is refused (CVE-2021-41190), as is
 * one whose own mediaType contradicts its fields or `expected`, the type it was announced with.
 */
export function parseManifest(bytes: Buffer, expected?: string): Manifest | Index {
  if (bytes.length > maximumManifestSize) throw invalid(`manifest of ${bytes.length} bytes is too large`)
  const value = parseObject(bytes)
  if (value['schemaVersion'] !== 2)
    throw invalid(`unsupported manifest schema version ${String(value['schemaVersion'])}`)
  const isIndex = 'manifests' in value
  if (isIndex === ('config' in value || 'layers' in value))
    throw invalid('manifest is ambiguous: neither index nor image')
  const mediaType = value['mediaType']
  for (const type of [mediaType, expected]) {
    if (typeof type === 'string' && type !== '' && isIndexType(type) !== isIndex) {
      throw invalid(`manifest does not match its media type ${type}`)
    }
  }
  return isIndex ? readIndex(value) : readManifest(value)
}

/** True if `mediaType` is that of an index (a list of manifests). */
export const isIndexType = (mediaType: string): boolean =>
  mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerIndex

function readIndex(value: Record<string, unknown>): Index {
  return { ...common(value), kind: 'index', manifests: descriptors(value['manifests'], 'manifests') }
}

function readManifest(value: Record<string, unknown>): Manifest {
  const layers = descriptors(value['layers'], 'layers')
  const config = descriptor(value['config'], 'config')
  const subject = isRecord(value['subject']) ? descriptor(value['subject'], 'subject') : undefined
  const artifactType = typeof value['artifactType'] === 'string' ? value['artifactType'] : undefined
  return { ...common(value), kind: 'manifest', config, layers, subject, artifactType }
}

function common(value: Record<string, unknown>) {
  const mediaType = typeof value['mediaType'] === 'string' ? value['mediaType'] : undefined
  return { schemaVersion: 2, mediaType, annotations: stringMap(value['annotations']) } as const
}

function descriptors(value: unknown, field: string): Descriptor[] {
  if (value === null) return []
  if (!Array.isArray(value)) throw invalid(`invalid manifest: ${field} is not a list`)
  return value.map((item, index) => descriptor(item, `${field}[${index}]`))
}

function descriptor(value: unknown, field: string): Descriptor {
  if (!isRecord(value)) throw invalid(`invalid manifest: ${field} is not a descriptor`)
  const { mediaType = '', digest, size } = value
  if (!isDigest(digest)) throw invalid(`invalid manifest: ${field} has no valid digest`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`invalid manifest: ${field} has no valid size`)
  }
  if (typeof mediaType !== 'string') throw invalid(`invalid manifest: ${field} has no valid media type`)
  const platform = isRecord(value['platform']) ? readPlatform(value['platform']) : undefined
  const artifactType = typeof value['artifactType'] === 'string' ? value['artifactType'] : undefined
  return { mediaType, digest, size, platform, annotations: stringMap(value['annotations']), artifactType }
}

function readPlatform(value: Record<string, unknown>): Platform {
  const text = (key: string) => (typeof value[key] === 'string' ? value[key] : '')
  return { architecture: text('architecture'), os: text('os'), variant: text('variant') || undefined }
}

function stringMap(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isRecord(value)) return undefined
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch (cause) {
    throw invalid('manifest is not valid JSON', { cause })
  }
  if (!isRecord(value)) throw invalid('manifest is not a JSON object')
  return value
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
