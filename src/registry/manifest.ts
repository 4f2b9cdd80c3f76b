// What the registry reads of a manifest: what it refers to. Everything else is kept as it came.
// OCI image specification, manifest.md and image-index.md; Docker's schema 2.

import { isIndexType, maximumManifestSize, mediaTypes } from '../oci/manifest.ts'
import { type ContentDigest, isContentDigest } from './digest.ts'
import { RegistryError } from './errors.ts'

/** A reference from a manifest to other content. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: ContentDigest
  /** Bytes. */
  readonly size: number
}

/** What a manifest says that concerns a registry. */
export interface ManifestFacts {
  readonly mediaType: string
  /** What has to be in the repository's blobs. */
  readonly blobs: readonly Descriptor[]
  /** What has to be among the repository's manifests. */
  readonly manifests: readonly Descriptor[]
  /** The manifest that this one is about; it need not be there. */
  readonly subject: Descriptor | undefined
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>> | undefined
}

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const malformed = (message: string) => new RegistryError('MANIFEST_INVALID', message)

/**
 * Reads a manifest that was sent as `contentType`. Throws MANIFEST_INVALID for what is no manifest, contradicts its
 * type, or could be read as two things (CVE-2021-41190).
 */
export function readManifest(bytes: Buffer, contentType: string): ManifestFacts {
  if (bytes.length > maximumManifestSize) throw tooLarge()
  const value = parseObject(bytes)
  if (value['schemaVersion'] !== 2) throw malformed('the manifest has no schema version 2')
  const isIndex = 'manifests' in value
  if (isIndex && ('config' in value || 'layers' in value))
    throw malformed('the manifest is an index and an image at once')
  const config = isIndex ? undefined : descriptor(value['config'], 'config')
  const artifactType = text(value['artifactType']) || (config?.mediaType === '' ? undefined : config?.mediaType)
  return {
    mediaType: mediaTypeOf(value, isIndex, contentType),
    blobs: config ? [config, ...local(value['layers'], 'layers')] : [],
    manifests: isIndex ? descriptors(value['manifests'], 'manifests') : [],
    subject: value['subject'] === undefined ? undefined : descriptor(value['subject'], 'subject'),
    artifactType,
    annotations: annotationsOf(value['annotations']),
  }
}

/** The refusal of a manifest of more than maximumManifestSize bytes. */
export function tooLarge(): RegistryError {
  const message = `the manifest has more than ${maximumManifestSize} bytes`
  return new RegistryError('MANIFEST_INVALID', message, { status: 413 })
}

function parseObject(bytes: Buffer): Json {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (isObject(value)) return value
  } catch {
    // Said below.
  }
  throw malformed('the manifest is not a JSON object')
}

function mediaTypeOf(value: Json, isIndex: boolean, contentType: string): string {
  const own = text(value['mediaType'])
  const sent = contentType.split(';', 1)[0]?.trim() ?? ''
  if (own && sent && own !== sent) throw malformed(`the manifest says it is ${own}, and it was sent as ${sent}`)
  const mediaType = own || sent || (isIndex ? mediaTypes.ociIndex : mediaTypes.ociManifest)
  if (isIndexType(mediaType) !== isIndex) throw malformed(`the manifest is not what its type says, ${mediaType}`)
  return mediaType
}

// Layers that have their own address are not kept by registries.
function local(value: unknown, field: string): Descriptor[] {
  const all = descriptors(value, field)
  return all.filter((_, index) => !Array.isArray((value as Json[])[index]?.['urls']))
}

function descriptors(value: unknown, field: string): Descriptor[] {
  if (!Array.isArray(value)) throw malformed(`${field} is not a list`)
  return value.map((item, index) => descriptor(item, `${field}[${index}]`))
}

function descriptor(value: unknown, field: string): Descriptor {
  if (!isObject(value)) throw malformed(`${field} is not a descriptor`)
  const { digest, size } = value
  if (!isContentDigest(digest)) throw malformed(`${field} has no digest of sha256 or sha512`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw malformed(`${field} has no size`)
  return { mediaType: text(value['mediaType']), digest, size }
}

function annotationsOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined
  if (isObject(value) && Object.values(value).every(item => typeof item === 'string'))
    return value as Record<string, string>
  throw malformed('the annotations are not a map of texts')
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')
