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
