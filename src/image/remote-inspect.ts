// What a registry has under a name, without pulling it.

import { RegistryError } from '../distribution/errors.ts'
import type { RemoteManifest, Repository } from '../distribution/remote.ts'
import { GantryError, invalid, system } from '../lib/errors.ts'
import { digestOf, isDigest } from '../oci/digest.ts'
import { maximumConfigSize } from '../oci/image-config.ts'
import { type Descriptor, type Manifest, type Platform, mediaTypes, parseManifest } from '../oci/manifest.ts'
import { type Reference, parseReference, withDefaultTag } from '../oci/reference.ts'

/** The answer of `GET /distribution/{name}/json`. */
export interface RemoteSummary {
  readonly Descriptor: Pick<Descriptor, 'mediaType' | 'digest' | 'size'>
  readonly Platforms: readonly Platform[] | null
}

/** The name that is asked for; without tag and digest it is `latest`. Throws `invalid`, and `system` for an image's id. */
export function inspectedReference(name: string): Reference {
  if (isDigest(name)) throw system('no manifest found for full image ID')
  return withDefaultTag(parseReference(name))
}

/** Asks a registry for a manifest and what platforms it is for. Throws `notFound`, and what the registry refuses. */
export async function inspectRemote(
  repository: Repository,
  { tag, digest }: Reference,
  signal: AbortSignal | undefined,
): Promise<RemoteSummary> {
  try {
    const found = await repository.manifest(digest ?? tag ?? '', { signal })
    const { bytes, digest: own } = found
    const { document, mediaType } = read(found)
    const Platforms =
      document.kind === 'index'
        ? document.manifests.map(({ platform }) => shown(platform))
        : await platformOf(repository, document, signal)
    return { Descriptor: { mediaType, digest: own, size: bytes.length }, Platforms }
  } catch (error) {
    // Only a registry's own no is answered by its status: for others the stock CLI would ask for a password.
    if (error instanceof GantryError && !(error instanceof RegistryError) && error.kind !== 'invalid') {
      throw system(error.message, { cause: error })
    }
    throw error
  }
}

function read({ bytes, mediaType: told }: RemoteManifest) {
  const document = parseManifest(bytes, told)
  const usual = document.kind === 'index' ? mediaTypes.ociIndex : mediaTypes.ociManifest
  return { document, mediaType: document.mediaType ?? (told || usual) }
}

const shown = ({ os, architecture, variant, ...rest }: Platform = { os: '', architecture: '' }): Platform => ({
  architecture,
  os,
  ...(rest['os.version'] && { 'os.version': rest['os.version'] }),
  ...(rest['os.features'] && { 'os.features': rest['os.features'] }),
  ...(variant && { variant }),
})

/** What the config says; nothing if there is none that says it. */
async function platformOf(
  repository: Repository,
  { config }: Manifest,
  signal: AbortSignal | undefined,
): Promise<Platform[] | null> {
  if (config.size > maximumConfigSize) throw invalid(`the config of the image has ${config.size} bytes: too many`)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of repository.blob(config, { signal })) chunks.push(chunk)
  } catch (error) {
    if (error instanceof RegistryError) return null
    throw error
  }
  const bytes = Buffer.concat(chunks)
  if (digestOf(bytes) !== config.digest) throw invalid(`config verification failed for digest ${config.digest}`)
  const { os, architecture, variant } = parse(bytes)
  if (!text(os) && !text(architecture)) return null
  return [shown({ os: text(os), architecture: text(architecture), variant: text(variant) })]
}

const text = (value: unknown) => (typeof value === 'string' ? value : '')

function parse(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
