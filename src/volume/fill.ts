// An empty volume begins with the image's content: copied aside first, then moved in, so that a crash leaves no half.

import { constants } from 'node:fs'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { futimens, mkdirAt, openAt, readDirectory, renameAt, statFd, syncfs } from '../kernel/files.ts'
import { openInRoot } from '../kernel/openat2.ts'
import { removeTree } from '../kernel/remove-tree.ts'
import { copyMetadata, copyTree } from './copy-tree.ts'

const directory = constants.O_RDONLY | constants.O_DIRECTORY
const data = '_data'
// A copy that isn't complete, and one that is and waits to be moved in.
const draft = '_draft'
const ready = '_ready'

/**
 * Fills the volume whose directory is `home` from `path` in the tree at `root`, if it is empty and the path is a directory.
 * Its data directory then also has that directory's owner and mode.
 */
export async function fill(home: string, root: Fd, path: string): Promise<void> {
  finishFilling(home)
  using volume = openPath(home, directory)
  using target = openAt(volume, data, directory)
  if (!isEmpty(target)) return
  using source = openDirectory(root, path)
  if (!source) return
  try {
    await makeDraft(volume, source)
  } catch (error) {
    removeTree(volume, draft)
    throw error
  }
  renameAt(volume, draft, volume, ready, { noReplace: true })
  finishFilling(home)
}

async function makeDraft(volume: Fd, source: Fd) {
  removeTree(volume, draft)
  mkdirAt(volume, draft, 0o700)
  using copy = openAt(volume, draft, directory)
  await copyTree(source, copy)
  // Before its rename, so that a complete name never stands for incomplete files.
  if (!isEmpty(copy)) syncfs(copy)
}

/** Moves in what a complete copy has left to be moved; does nothing if there is none. */
export function finishFilling(home: string): void {
  using volume = openPath(home, directory)
  using copy = openIfThere(volume, ready)
  if (!copy) return
  using target = openAt(volume, data, directory)
  // Moving things changes the time of both directories.
  const { mtimeNs } = statFd(copy)
  // All names first: a directory that is changed while it is read may hide some.
  const entries = Array.from(readDirectory(copy))
  for (const { name } of entries) moveIn(copy, target, name)
  copyMetadata(copy, target)
  futimens(target, mtimeNs)
  removeTree(volume, ready)
}

// What a container has made there meanwhile stays.
function moveIn(copy: Fd, target: Fd, name: Parameters<typeof renameAt>[1]) {
  try {
    renameAt(copy, name, target, name, { noReplace: true })
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

function isEmpty(dir: Fd): boolean {
  return readDirectory(dir).next().done === true
}

function openIfThere(dir: Fd, name: string): Fd | undefined {
  try {
    return openAt(dir, name, directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The directory at `path` as a process in the container would see it; undefined if there is none. */
function openDirectory(root: Fd, path: string): Fd | undefined {
  try {
    return openInRoot(root, path, directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
    throw error
  }
}
