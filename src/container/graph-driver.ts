// Where a container's layers are on the host, as inspect tells it in overlay2's words.

import type { GraphDriver } from '../api/types/container.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'
import { containerPaths } from './paths.ts'

/** The overlay's directories. MergedDir is visible only inside the container's own mount namespace. */
export function graphDriver(engine: Pick<Engine, 'settings' | 'layers'>, container: Container): GraphDriver {
  const paths = containerPaths(engine.settings, container.id)
  const { topLayer } = container.definition
  const lower = topLayer === undefined ? [] : engine.layers.chain(topLayer).map(layer => engine.layers.path(layer))
  return {
    Name: 'overlay2',
    Data: {
      ID: container.id,
      LowerDir: lower.join(':'),
      MergedDir: paths.rootfs,
      UpperDir: paths.upper,
      WorkDir: paths.work,
    },
  }
}
