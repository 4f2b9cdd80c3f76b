// Pulling images: what a registry has under a name, checked, unpacked as it comes, and known in one transaction.

import type { Repository } from '../distribution/remote.ts'
import { RegistryError } from '../distribution/errors.ts'
import { GantryError, kindOf, notFound, system } from '../lib/errors.ts'
import type { Platform } from '../oci/manifest.ts'
import { type Digest, parseDigest } from '../oci/digest.ts'
import {
  type Reference,
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  withTag,
} from '../oci/reference.ts'
import type { Downloads } from './downloads.ts'
import type { Report } from './progress.ts'
import { type FetchedImage, type RemoteImage, fetchImage, findImage } from './remote-image.ts'
import type { ImageStore, NewName } from './store.ts'
import { mainVariant } from './variants.ts'

export interface PullOptions {
  readonly report: Report
  /** Without one: this host's. */
  readonly platform?: Platform
  readonly signal?: AbortSignal
}

export interface PullParts {
  readonly images: ImageStore
  readonly downloads: Downloads
  /** Where `reference` is. */
  readonly repository: Repository
}

/** What the parameters `fromImage` and `tag` (a tag or a digest) of a pull name. Throws `invalid` in Docker's words. */
export function pulledReference(name: string, tagOrDigest: string): Reference {
  const reference = parseReference(name)
  if (tagOrDigest === '') return reference
  const { domain, path } = reference
  return tagOrDigest.includes(':')
    ? { domain, path, digest: parseDigest(tagOrDigest) }
    : withTag({ domain, path }, tagOrDigest)
}

/**
 * Pulls the image called `reference`, or all images of its repository if it has neither tag nor digest. Throws `notFound`
 * and `invalid` in dockerd's words; nothing is left then but parts of layers, which the next attempt goes on with.
 */
export async function pullImages(parts: PullParts, reference: Reference, options: PullOptions): Promise<void> {
  const { report } = options
  const name = familiarReference(reference)
  let image: Digest | undefined
  let isNewer = false
  if (reference.tag !== undefined || reference.digest !== undefined) {
    const pulled = await pullImage(parts, reference, options)
    image = pulled.image
    isNewer = pulled.changed
  } else {
    let pulled = 0
    for await (const tag of explained(reference, tagsOf(parts.repository, options.signal))) {
      const { changed } = await pullImage(parts, { ...reference, tag }, options)
      isNewer ||= changed
      pulled++
    }
    if (pulled === 0) throw notFound(`no tags found in repository ${name}`)
  }
  report({ status: `Status: ${isNewer ? 'Downloaded newer image' : 'Image is up to date'} for ${name}` })
  parts.images.emit('pull', image, familiarName(reference), name)
}

const tagsOf = (repository: Repository, signal: AbortSignal | undefined) => repository.tags({ signal })

interface Pulled {
  readonly image: Digest
  /** True if the name stands for something else now. */
  readonly changed: boolean
}

// What a mirror says wrongly, the registry itself may say right.
async function pullImage(parts: PullParts, reference: Reference, options: PullOptions): Promise<Pulled> {
  try {
    return await explain(reference, () => pullFrom(parts, reference, options))
  } catch (error) {
    const repository = parts.repository.withoutMirrors
    if (!repository || !(error instanceof GantryError) || kindOf(error.cause) !== 'invalid') throw error
    return await explain(reference, () => pullFrom({ ...parts, repository }, reference, options))
  }
}

async function pullFrom(parts: PullParts, reference: Reference, options: PullOptions): Promise<Pulled> {
  const { images, repository } = parts
  const { report, signal } = options
  const shown = reference.digest ?? reference.tag ?? ''
  await using staging = images.stage()
  const top = await repository.manifest(shown, { signal })
  report({ status: `Pulling from ${reference.path}`, id: shown })
  const found = await findImage(repository, top, options)
  const fetched = await fetchImage(parts, staging, found, options)
  await images.sync()
  signal?.throwIfAborted()
  const changed = commit(images, reference, found, fetched)
  report({ status: `Digest: ${top.digest}` })
  return { image: fetched.image.id, changed }
}

/** True if the name stands for something else now. */
function commit(
  images: ImageStore,
  reference: Reference,
  { index, digest }: RemoteImage,
  fetched: FetchedImage,
): boolean {
  const { image, config, blobs, referrers } = fetched
  const name = formatReference(reference)
  const before = [images.rows.find(name), images.indexes.ofName(name)?.digest]
  const { domain, path, tag } = reference
  const top = index?.descriptor.digest
  const here = top === undefined ? [] : images.indexes.variants(top).flatMap(variant => images.get(variant.image) ?? [])
  const main = mainVariant([...here, { id: image.id, config }])?.id ?? image.id
  const origin = { index: top, manifest: digest }
  const names: NewName[] = [[{ domain, path, digest: top ?? digest }, main, origin]]
  if (tag !== undefined) names.push([{ domain, path, tag }, main, origin])
  const variants = [{ manifest: digest, image: image.id }]
  images.commit([image], names, index ? [{ ...index.descriptor, variants, blobs }] : [], referrers)
  return before[0] !== main || before[1] !== top
}

async function explain<T>(reference: Reference, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    throw explanation(reference, error)
  }
}

async function* explained<T>(reference: Reference, source: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  try {
    yield* source
  } catch (error) {
    throw explanation(reference, error)
  }
}

/** dockerd's sentences, which clients look for. Other failures are the engine's: at a 401 the stock CLI would ask for a password. */
function explanation(reference: Reference, error: unknown): unknown {
  if (!(error instanceof GantryError) || (error.kind === 'notFound' && !(error instanceof RegistryError))) return error
  const name = familiarName(reference)
  const options = { cause: error }
  switch (error instanceof RegistryError ? error.code : '') {
    case 'DENIED':
      return notFound(
        `pull access denied for ${name}, repository does not exist or may require 'docker login': ${error.message}`,
        options,
      )
    case 'MANIFEST_UNKNOWN':
      return notFound(`manifest for ${familiarReference(reference)} not found: ${error.message}`, options)
    case 'NAME_UNKNOWN':
      return notFound(`repository ${name} not found: ${error.message}`, options)
    default:
      return system(error.message, options)
  }
}
