// Which cgroup a container's processes are in.

import type { Engine } from './engine.ts'
import type { Container } from './model.ts'

/** Below the root of each hierarchy, beginning with a slash. */
export function cgroupOf(engine: Pick<Engine, 'settings'>, container: Container): string {
  const parent = container.definition.hostConfig.CgroupParent || engine.settings.cgroupParent
  return `/${parent.replace(/^\/+|\/+$/g, '')}/${container.id}`
}
