// Which cgroup a container's processes are in.

import { cleanPath } from '../lib/paths.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'

/** Below the root of each hierarchy, beginning with a slash; a parent with `..` does not lead out of it. */
export function cgroupOf(engine: Pick<Engine, 'settings'>, container: Container): string {
  const parent = container.definition.hostConfig.CgroupParent || engine.settings.cgroupParent
  return cleanPath(`/${parent}/${container.id}`)
}
