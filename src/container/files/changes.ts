// GET /containers/{id}/changes: what a container has added, modified and deleted in its root file system.

import type { FilesystemChange } from '../../api/types/container.ts'
import { notFound } from '../../lib/errors.ts'
import type { Engine } from '../engine.ts'
import type { Container } from '../model.ts'
import { containerPaths } from '../paths.ts'
import { mountLower } from '../rootfs.ts'

type Parts = Pick<Engine, 'settings' | 'layers' | 'trees' | 'containers'>

/** The changes by path; null if there are none, as dockerd has it. */
export async function changesOf(engine: Parts, container: Container): Promise<FilesystemChange[] | null> {
  if (engine.containers.find(container.id) !== container) throw notFound(`No such container: ${container.id}`)
  using lower = mountLower(engine, container)
  const { upper } = containerPaths(engine.settings, container.id)
  const changes = await engine.trees.run({ kind: 'changes', upper, lower: lower.number })
  return changes.length === 0 ? null : changes.map(({ path, kind }) => ({ Path: path, Kind: kind }))
}
