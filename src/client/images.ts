// Images, over the Engine API.

import type { Readable } from 'node:stream'
import type { Platform } from '../oci/manifest.ts'
import type {
  ImageDeleteItem,
  ImageHistoryItem,
  ImageInspect,
  ImageSummary,
  ProgressMessage,
} from '../api/types/image.ts'
import { type Reference, parseReference, repositoryOf } from '../oci/reference.ts'
import type { Client } from './client.ts'
import { type RegistryCredentials, authHeader } from './registries.ts'
import { jsonLines } from './streams.ts'

// A reference's slashes are part of the path.
const pathOf = (name: string, rest = '') => `/images/${encodeURI(name)}${rest}`

/** The images that match `filters`; intermediate ones only with `all`. */
export function listImages(
  client: Client,
  query: { all?: boolean; digests?: boolean; filters?: Readonly<Record<string, string[]>> },
): Promise<ImageSummary[]> {
  return client.json('GET', '/images/json', { query })
}

/** Everything the engine tells of one image, or of its variant for `platform`. */
export function inspectImage(client: Client, name: string, platform?: Platform): Promise<ImageInspect> {
  return client.json('GET', pathOf(name, '/json'), { query: { platform } })
}

/** The steps that an image was made in, newest first. */
export function imageHistory(client: Client, name: string, platform?: Platform): Promise<ImageHistoryItem[]> {
  return client.json('GET', pathOf(name, '/history'), { query: { platform } })
}

/** An archive of images, or of their variants for `platform`. */
export function saveImages(client: Client, names: readonly string[], platform?: Platform): Promise<Readable> {
  return client.request('GET', '/images/get', { query: { names, platform } })
}

/** Loads an archive of images, or only their variants for `platform`; yields what the engine reports meanwhile. */
export async function* loadImages(
  client: Client,
  archive: Readable,
  query: { quiet: boolean; platform: Platform | undefined },
): AsyncGenerator<ProgressMessage> {
  yield* jsonLines<ProgressMessage>(await client.request('POST', '/images/load', { query, input: archive }))
}

/** Makes an image of one layer from the archive of a root file system, with Dockerfile instructions in `changes`. */
export async function* importImage(
  client: Client,
  archive: Readable,
  query: { repo?: string; tag?: string; message?: string; changes?: readonly string[]; platform?: string },
): AsyncGenerator<ProgressMessage> {
  const response = await client.request('POST', '/images/create', { query: { fromSrc: '-', ...query }, input: archive })
  yield* jsonLines<ProgressMessage>(response)
}

/** Fetches an image from its registry, or all of a repository; yields what the engine reports meanwhile. */
export async function* pullImage(
  client: Client,
  { repo, tag, platform }: { repo: string; tag?: string; platform?: string },
  credentials: RegistryCredentials,
): AsyncGenerator<ProgressMessage> {
  const query = { fromImage: repositoryOf(parseReference(repo)), tag, platform }
  const headers = authHeader(credentials)
  yield* jsonLines<ProgressMessage>(await client.request('POST', '/images/create', { query, headers }))
}

/** Sends an image to its registry, or without a tag all of its repository; yields what the engine reports meanwhile. */
export async function* pushImage(
  client: Client,
  reference: Reference,
  platform: Platform | undefined,
  credentials: RegistryCredentials,
): AsyncGenerator<ProgressMessage> {
  const query = { tag: reference.tag ?? '', platform }
  const path = pathOf(repositoryOf(reference), '/push')
  const headers = authHeader(credentials)
  yield* jsonLines<ProgressMessage>(await client.request('POST', path, { query, headers }))
}

/** Throws invalid if `name` can't be an image's. */
export function checkName(name: string): void {
  parseReference(name)
}

/** Gives an image another name. */
export async function tagImage(client: Client, name: string, query: { repo: string; tag?: string }): Promise<void> {
  await client.text('POST', pathOf(name, '/tag'), { query })
}

/** Removes a name, and the image with its last one. */
export function removeImage(
  client: Client,
  name: string,
  query: { force?: boolean; noprune?: boolean; platforms?: readonly string[] },
): Promise<ImageDeleteItem[]> {
  return client.json('DELETE', pathOf(name), { query })
}
