// Which cgroup a container's processes are in.

import { Cgroup } from '../runtime/cgroup.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'

/** The path of a container's cgroup below the root of each hierarchy, beginning with a slash. */
export function cgroupPath(engine: Pick<Engine, 'settings'>, container: Container): string {
  const parent = container.definition.hostConfig.CgroupParent || engine.settings.cgroupParent
  return `/${parent.replace(/^\/+|\/+$/g, '')}/${container.id}`
}

/** A container's cgroup. */
export function cgroupOf(engine: Pick<Engine, 'settings' | 'cgroups'>, container: Container): Cgroup {
  return new Cgroup(engine.cgroups, cgroupPath(engine, container))
}
