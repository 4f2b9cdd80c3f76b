// The archives of `docker save`: manifest.json names the config and the layers of each image.

import type { Blobs } from '../content/blobs.ts'
import { invalid } from '../lib/errors.ts'
import { maximumManifestSize, mediaTypes } from '../oci/manifest.ts'
import { type Reference, parseReference } from '../oci/reference.ts'
import { type ArchivedImage, layerMediaType, readConfig } from './archived-image.ts'
import type { Spool } from './spool.ts'

export const dockerManifestName = 'manifest.json'

interface ManifestItem {
  readonly Config: string
  readonly RepoTags: readonly string[]
  readonly Layers: readonly string[]
}

/** The images of an archive with a manifest.json. Throws `invalid` for anything Docker would not load. */
export async function readDockerArchive(blobs: Blobs, spool: Spool): Promise<ArchivedImage[]> {
  const items = parseItems(await spool.read(dockerManifestName, maximumManifestSize))
  const images: ArchivedImage[] = []
  for (const item of items) images.push(await readItem(blobs, spool, item))
  return images
}

async function readItem(
  blobs: Blobs,
  spool: Spool,
  { Config, RepoTags, Layers }: ManifestItem,
): Promise<ArchivedImage> {
  const configBlob = spool.get(Config)
  const { config, configText } = await readConfig(blobs, configBlob, Layers.length)
  const layers = Layers.map(name => spool.get(name))
  return {
    config,
    configText,
    configBlob: { ...configBlob, mediaType: mediaTypes.dockerConfig },
    layers: await Promise.all(layers.map(async layer => ({ ...layer, mediaType: await layerMediaType(blobs, layer) }))),
    names: RepoTags.map(parseTag),
  }
}

function parseTag(text: string): Reference {
  const reference = parseReference(text)
  if (reference.tag === undefined || reference.digest !== undefined)
    throw invalid(`invalid tag ${JSON.stringify(text)}`)
  return reference
}

function parseItems(bytes: Buffer): ManifestItem[] {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString())
  } catch (cause) {
    throw invalid('invalid archive: manifest.json is not valid JSON', { cause })
  }
  if (!Array.isArray(value)) throw invalid('invalid archive: manifest.json is not a list')
  return value.map(parseItem)
}

function parseItem(item: unknown): ManifestItem {
  const { Config, RepoTags, Layers } = (typeof item === 'object' && item !== null ? item : {}) as Record<
    string,
    unknown
  >
  if (typeof Config !== 'string') throw invalid('invalid archive: manifest.json names no config')
  return { Config, RepoTags: strings(RepoTags), Layers: strings(Layers) }
}

function strings(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : []
  if ((value ?? list) !== list || !list.every(text => typeof text === 'string')) {
    throw invalid('invalid archive: manifest.json has a list that is not one of names')
  }
  return list
}
