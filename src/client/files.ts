// Containers' files, over the Engine API.

import type { Readable } from 'node:stream'
import type { FilesystemChange } from '../api/types/container.ts'
import type { Client } from './client.ts'

const pathOf = (id: string, rest: string) => `/containers/${encodeURIComponent(id)}${rest}`

/** What a container has changed in its file system. */
export async function containerChanges(client: Client, id: string): Promise<FilesystemChange[]> {
  return (await client.json<FilesystemChange[] | null>('GET', pathOf(id, '/changes'))) ?? []
}

/** A container's file system as an archive. */
export function exportContainer(client: Client, id: string): Promise<Readable> {
  return client.request('GET', pathOf(id, '/export'))
}

export interface CommitQuery {
  readonly container: string
  readonly repo?: string
  readonly tag?: string
  readonly author?: string
  readonly comment?: string
  /** Dockerfile instructions. */
  readonly changes?: readonly string[]
  /** False leaves the container running meanwhile. */
  readonly pause?: boolean
}

/** Makes an image of a container. */
export function commitContainer(client: Client, query: CommitQuery): Promise<{ Id: string }> {
  return client.json('POST', '/commit', { query: { ...query } })
}

/** What is at a path of a container. */
export interface PathStat {
  readonly type: 'file' | 'directory' | 'symlink' | 'device' | 'named pipe' | 'socket'
  /** Where a link leads in the end; '' if it is none. */
  readonly linkTarget: string
}

// Go's os.FileMode, in the order in which a file is one of these.
const fileModes = [
  [2 ** 31, 'directory'],
  [2 ** 27, 'symlink'],
  [2 ** 26, 'device'],
  [2 ** 25, 'named pipe'],
  [2 ** 24, 'socket'],
] as const

function statIn(header: string | string[] | undefined): PathStat {
  const { mode, linkTarget } = JSON.parse(Buffer.from(String(header), 'base64').toString()) as {
    mode: number
    linkTarget: string
  }
  const type = fileModes.find(([bit]) => Math.floor(mode / bit) % 2 === 1)?.[1] ?? 'file'
  return { type, linkTarget }
}

const statHeader = 'x-docker-container-path-stat'

/** What is at `path`, of a link itself. */
export async function statPath(client: Client, id: string, path: string): Promise<PathStat> {
  const response = await client.request('HEAD', pathOf(id, '/archive'), { query: { path } })
  response.resume()
  return statIn(response.headers[statHeader])
}

/** What is at `path`, and an archive of it. */
export async function getArchive(
  client: Client,
  id: string,
  path: string,
): Promise<{ stat: PathStat; archive: Readable }> {
  const response = await client.request('GET', pathOf(id, '/archive'), { query: { path } })
  return { stat: statIn(response.headers[statHeader]), archive: response }
}

/** Unpacks an archive into the directory `path`; with `asUser` all of it belongs to the container's user. */
export async function putArchive(
  client: Client,
  id: string,
  path: string,
  archive: Readable,
  { asUser }: { asUser: boolean },
): Promise<void> {
  const query = { path, noOverwriteDirNonDir: 'true', ...(asUser && { copyUIDGID: 'true' }) }
  await client.text('PUT', pathOf(id, '/archive'), { query, input: archive })
}
