// Paths as text, cleaned the way Go does it; nothing here touches a file system.

import { posix } from 'node:path'

/** Without `.`, `..`, doubled and trailing slashes; an absolute path can't climb above `/`. Go's path.Clean. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path || '.')
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal
}

/** True if `path` is `parent` or below it; both clean. */
export function isWithin(path: string, parent: string): boolean {
  return path === parent || path.startsWith(parent === '/' ? '/' : `${parent}/`)
}

/** True if `path`, taken below some directory, can't lead out of it by `..` or by being absolute. */
export function isLocal(path: string): boolean {
  return path !== '' && !posix.isAbsolute(path) && !['..'].includes(cleanPath(path).split('/')[0] ?? '')
}
