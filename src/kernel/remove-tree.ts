// Removing directory trees that may be as deep, wide and hostile as a container can make them.

import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import type { Fd } from './descriptor.ts'
import { readDirectory } from './directory.ts'
import { hasCode } from './ffi.ts'
import { renameAt, unlinkAt } from './files.ts'
import type { Name } from './name.ts'
import { openDirectoryHere } from './openat2.ts'

// Deeper directories are first moved up, so that depth costs neither descriptors nor stack.
const maxDepth = 64

/**
 * Removes `name` in `dir` and all below it; does nothing if it isn't there. Never follows a link nor enters another mount: a
 * mount point makes it fail with EBUSY or EXDEV, with the tree partly removed. Throws KernelError.
 */
export function removeTree(dir: Fd, name: Name): void {
  if (unlinked(dir, name)) return
  {
    using top = openDirectoryHere(dir, name)
    while (clear(top, top, 0) > 0);
  }
  unlinkAt(dir, name, { directory: true })
}

/** Removes what is in `dir`, and returns how many entries there were. */
function clear(top: Fd, dir: Fd, depth: number): number {
  let count = 0
  for (const { name, type } of readDirectory(dir)) {
    count++
    if (type !== constants.S_IFDIR && unlinked(dir, name)) continue
    if (depth === maxDepth) renameAt(dir, name, top, randomUUID())
    else removeDirectory(top, dir, name, depth)
  }
  return count
}

function removeDirectory(top: Fd, dir: Fd, name: Name, depth: number): void {
  {
    using child = openDirectoryHere(dir, name)
    clear(top, child, depth + 1)
  }
  unlinkAt(dir, name, { directory: true })
}

/** True if `name` is gone; false if it is a directory. */
function unlinked(dir: Fd, name: Name): boolean {
  try {
    unlinkAt(dir, name)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true
    if (hasCode(error, 'EISDIR')) return false
    throw error
  }
}
