// The control groups an engine has made, in every hierarchy that the host has.

import { readFileSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

/** Mount points of cgroup hierarchies, of both versions. */
export function cgroupHierarchies(): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map(line => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, point = '']) => point)
}

/** Every group at or below `name` at the top of a hierarchy, parents first. */
export function cgroupsBelow(name: string): string[] {
  return cgroupHierarchies().flatMap(hierarchy => descend(join(hierarchy, name)))
}

/** Removes those groups; one that has processes stays. */
export function removeCgroups(name: string): void {
  for (const path of cgroupsBelow(name).toReversed()) {
    try {
      rmdirSync(path)
    } catch {
      continue
    }
  }
}

function descend(path: string): string[] {
  try {
    const children = readdirSync(path, { withFileTypes: true }).filter(entry => entry.isDirectory())
    return [path, ...children.flatMap(child => descend(join(path, child.name)))]
  } catch {
    return []
  }
}
