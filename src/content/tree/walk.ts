// Walks a tree that may be as deep, wide and restless as a container can make it, by descriptor, in the order of names.

import { constants } from 'node:fs'
import type { Fd } from '../../kernel/descriptor.ts'
import { hasCode } from '../../kernel/ffi.ts'
import { type Stat, openAt, readDirectory, statAt } from '../../kernel/files.ts'
import { openBeneath } from '../../kernel/openat2.ts'
import { invalid } from '../../lib/errors.ts'
import { nameOf, quote } from '../layer-path.ts'

/** Something in the tree. Names are byte strings: one character per byte, as latin1 decodes them. */
export interface Found {
  /** The directory it is in; valid until the next thing is asked for. */
  readonly dir: Fd
  readonly base: string
  /** From where the walk began, without a slash at its beginning. */
  readonly path: string
  /** Of a link, of itself. */
  readonly stat: Stat
}

interface Frame {
  dir: Fd | undefined
  readonly path: string
  readonly names: readonly string[]
  next: number
}

/** Descriptors that a walk holds open: those of deeper directories are opened again on the way back. */
const maxOpen = 64
/** What the kernel takes as a path, and so all that an archive can name. */
const longestPath = 4095
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY
/** What happens to a name when its directory changes meanwhile. */
const gone = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE', 'EINVAL']

/** True for a directory. */
export const isDirectory = ({ mode }: Stat): boolean => (mode & constants.S_IFMT) === constants.S_IFDIR

/** The names in a directory as byte strings, sorted by their bytes. */
export function sortedNames(dir: Fd): string[] {
  const names = Array.from(readDirectory(dir), ({ name }) =>
    typeof name === 'string' && Buffer.byteLength(name) === name.length ? name : Buffer.from(name).toString('latin1'),
  )
  return names.toSorted()
}

/** What is at `base` in `dir`; undefined if there is nothing any more. Throws KernelError. */
export function statIfThere(dir: Fd, base: string): Stat | undefined {
  return unlessGone(() => statAt(dir, nameOf(base)))
}

/** The directory `base` of `dir`, opened for reading; undefined if there is none any more. Throws KernelError. */
export function openIfThere(dir: Fd, base: string): Fd | undefined {
  return unlessGone(() => openAt(dir, nameOf(base), directoryFlags))
}

/** What `look` returns; undefined if what it looked at is no more, or is something else by now. */
export function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (hasCode(error, ...gone)) return undefined
    throw error
  }
}

/**
 * Yields everything below `start`, a directory opened for reading, each directory before what is in it. No link is
 * followed; what vanishes meanwhile is left out. Throws KernelError, and `invalid` for what lies too deep.
 */
export function* walk(start: Fd): Generator<Found, void, void> {
  const frames: Frame[] = [{ dir: start.dup(), path: '', names: sortedNames(start), next: 0 }]
  try {
    for (let frame = frames.at(-1); frame; frame = frames.at(-1)) {
      const base = frame.names[frame.next++]
      frame.dir ??= reopen(start, frame.path)
      if (base === undefined || !frame.dir) {
        frames.pop()?.dir?.close()
        continue
      }
      const stat = statIfThere(frame.dir, base)
      if (!stat) continue
      const path = frame.path === '' ? base : `${frame.path}/${base}`
      if (path.length > longestPath) throw invalid(`lstat ${quote(path.slice(0, 64))}…: file name too long`)
      yield { dir: frame.dir, base, path, stat }
      if (isDirectory(stat)) descend(frames, frame.dir, base, path)
    }
  } finally {
    for (const { dir } of frames) dir?.close()
  }
}

function descend(frames: Frame[], parent: Fd, base: string, path: string): void {
  const dir = openIfThere(parent, base)
  if (!dir) return
  frames.push({ dir, path, names: sortedNames(dir), next: 0 })
  const far = frames.at(-maxOpen)
  far?.dir?.close()
  if (far) far.dir = undefined
}

function reopen(start: Fd, path: string): Fd | undefined {
  return unlessGone(() => openBeneath(start, nameOf(path), directoryFlags, 0, { noSymlinks: true }))
}
