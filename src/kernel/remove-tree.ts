// Removing directory trees that may be as deep, wide and hostile as a container can make them.

import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import type { Fd } from './descriptor.ts'
import { readDirectory } from './directory.ts'
import { hasCode } from './ffi.ts'
import { renameAt, unlinkAt } from './files.ts'
import type { Name } from './name.ts'
import { openDirectoryHere } from './openat2.ts'

/** Removes `name` in `directory` with all below it; does nothing if it isn't there. Rejects with the kernel's errors. */
export type RemoveTree = (directory: string, name: string) => Promise<void>

// Deeper directories are first moved up, so that depth costs neither descriptors nor stack.
const maxDepth = 64

/**
 * Removes `name` in `dir` and all below it; does nothing if it isn't there. Never follows a link nor enters another mount: a
 * mount point makes it fail with EBUSY or EXDEV, with the tree partly removed. Throws KernelError.
 */
export function removeTree(dir: Fd, name: Name): void {
  removeTreeWithin(dir, name, Infinity)
}

/** As removeTree, but stops after about `entries` of them, some 5 µs each. True if nothing is left. */
export function removeTreeWithin(dir: Fd, name: Name, entries: number): boolean {
  if (unlinked(dir, name)) return true
  using top = openDirectoryHere(dir, name)
  const removal = { top, left: entries }
  while (clear(removal, top, 0) > 0 && removal.left > 0);
  if (removal.left <= 0) return false
  unlinkAt(dir, name, { directory: true })
  return true
}

/** The tree that is being removed, and how many entries still may be. */
interface Removal {
  readonly top: Fd
  left: number
}

/** Removes what is in `dir` as far as may be, and returns how many entries there were. */
function clear(removal: Removal, dir: Fd, depth: number): number {
  let count = 0
  for (const { name, type } of readDirectory(dir)) {
    if (removal.left-- <= 0) break
    count++
    if (type !== constants.S_IFDIR && unlinked(dir, name)) continue
    if (depth === maxDepth) renameAt(dir, name, removal.top, randomUUID())
    else removeDirectory(removal, dir, name, depth)
  }
  return count
}

function removeDirectory(removal: Removal, dir: Fd, name: Name, depth: number): void {
  {
    using child = openDirectoryHere(dir, name)
    clear(removal, child, depth + 1)
  }
  if (removal.left > 0) unlinkAt(dir, name, { directory: true })
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
