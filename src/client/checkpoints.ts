// Checkpoints of containers, over the Engine API.

import type { CheckpointSummary } from '../api/types/checkpoint.ts'
import type { Client } from './client.ts'

const pathOf = (container: string, checkpoint?: string) =>
  `/containers/${encodeURIComponent(container)}/checkpoints${checkpoint === undefined ? '' : `/${encodeURIComponent(checkpoint)}`}`

export interface NewCheckpoint {
  readonly name: string
  /** Absolute path on the engine's host; undefined for the container's own. */
  readonly directory?: string
  /** End the container. */
  readonly exit: boolean
}

/** Writes a container's processes to disk. */
export async function createCheckpoint(
  client: Client,
  container: string,
  { name, directory, exit }: NewCheckpoint,
): Promise<void> {
  const body = { CheckpointID: name, CheckpointDir: directory ?? '', Exit: exit }
  await client.text('POST', pathOf(container), { body })
}

/** The checkpoints of a container in a directory. */
export async function listCheckpoints(
  client: Client,
  container: string,
  directory?: string,
): Promise<CheckpointSummary[]> {
  return (await client.json<CheckpointSummary[] | null>('GET', pathOf(container), { query: { dir: directory } })) ?? []
}

/** Removes a checkpoint. */
export async function removeCheckpoint(
  client: Client,
  container: string,
  name: string,
  directory?: string,
): Promise<void> {
  await client.text('DELETE', pathOf(container, name), { query: { dir: directory } })
}
