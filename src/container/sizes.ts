// How much a container takes on disk, for `ps --size` and `inspect --size`.

import type { Engine } from './engine.ts'
import { diskUsage } from './disk-usage.ts'
import type { Container } from './model.ts'
import { containerPaths } from './paths.ts'

/** Bytes of a container's own files, and of those with its image's. Walks the own ones. */
export async function sizesOf(
  engine: Pick<Engine, 'settings' | 'layers'>,
  container: Container,
): Promise<{ SizeRw: number; SizeRootFs: number }> {
  const SizeRw = await diskUsage(containerPaths(engine.settings, container.id).upper)
  const { topLayer } = container.definition
  return { SizeRw, SizeRootFs: SizeRw + (topLayer === undefined ? 0 : engine.layers.chainSize(topLayer)) }
}
