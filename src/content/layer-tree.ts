// The directory a layer is unpacked into. Every path is walked by the kernel inside its root, links included, and used
// through the descriptor that gives.

import { constants } from 'node:fs'
import { Fd, O_PATH } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { type Stat, chmodAt, mkdirAt, mknodAt, openAt, statAt, unlinkAt } from '../kernel/files.ts'
import { openInRoot } from '../kernel/openat2.ts'
import { removeTree } from '../kernel/remove-tree.ts'
import { setXattr, setXattrAt } from '../kernel/xattr.ts'
import { invalid } from '../lib/errors.ts'
import { nameOf } from './layer-path.ts'

/** Descriptors kept of directories that entries were put into lately. */
const maxParents = 256
const directoryFlags = O_PATH | constants.O_DIRECTORY

/** Bytes of all paths that are remembered for want of an entry. */
const maxImpliedBytes = 64 << 20

/** True for overlayfs's mark that a name is gone. */
export const isWhiteout = ({ mode, rdev }: Stat): boolean =>
  (mode & constants.S_IFMT) === constants.S_IFCHR && rdev === 0
const isDirectory = ({ mode }: Stat): boolean => (mode & constants.S_IFMT) === constants.S_IFDIR

/** overlayfs's mark of a directory that hides what lower layers have in it. */
export const opaqueAttribute = 'trusted.overlay.opaque'
const opaqueValue = Buffer.from('y')

export class LayerTree implements Disposable {
  readonly root: Fd
  readonly #parents = new Map<string, Fd>()
  /** Directories that no entry has described, by path. */
  readonly implied = new Set<string>()
  #impliedBytes = 0

  /** Takes `root`, which stays the caller's. */
  constructor(root: Fd) {
    this.root = root
    this.implied.add('')
  }

  /** The directory that the entry `parts` belongs into, made with its parents if it isn't there. Valid until the next call. */
  parentOf(parts: readonly string[]): Fd {
    if (parts.length <= 1) return this.root
    const path = parts.slice(0, -1).join('/')
    const known = this.#parents.get(path)
    if (known) return known
    const directory = this.#open(path) ?? this.#make(parts.slice(0, -1))
    this.#remember(path, directory)
    return directory
  }

  #open(path: string): Fd | undefined {
    try {
      return openInRoot(this.root, nameOf(path), directoryFlags)
    } catch (error) {
      // ENOTDIR may be a whiteout on the way, which gives room to a directory.
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
      throw error
    }
  }

  #make(parts: readonly string[]): Fd {
    let depth = parts.length
    let found: Fd | undefined
    while (!found && --depth > 0) found = this.#open(parts.slice(0, depth).join('/'))
    let current = found ?? this.root.dup()
    for (; depth < parts.length; depth++) {
      using parent = current
      const base = parts[depth] as string
      this.makeDirectory(parent, base, 0o755)
      chmodAt(parent, nameOf(base), 0o755)
      this.#imply(parts.slice(0, depth + 1).join('/'))
      current = openAt(parent, nameOf(base), directoryFlags)
    }
    return current
  }

  #imply(path: string): void {
    this.implied.add(path)
    this.#impliedBytes += path.length
    if (this.#impliedBytes > maxImpliedBytes) throw invalid('the archive has too many directories without entries')
  }

  /**
   * Makes a directory; false if there is one already. One that takes the place of a whiteout is opaque: what lower layers
   * have at its name stays hidden. Throws KernelError EEXIST for anything else.
   */
  makeDirectory(parent: Fd, base: string, mode: number): boolean {
    const name = nameOf(base)
    try {
      mkdirAt(parent, name, mode)
      return true
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
      const stat = statAt(parent, name)
      if (isDirectory(stat)) return false
      if (!isWhiteout(stat)) throw error
    }
    unlinkAt(parent, name)
    mkdirAt(parent, name, mode)
    setXattrAt(parent, name, opaqueAttribute, opaqueValue)
    return true
  }

  #remember(path: string, directory: Fd): void {
    if (this.#parents.size >= maxParents) {
      const [oldest] = this.#parents
      if (oldest) this.#forget(oldest[0], oldest[1])
    }
    this.#parents.set(path, directory)
  }

  #forget(path: string, directory: Fd): void {
    this.#parents.delete(path)
    directory.close()
  }

  /** Hides what lower layers have at `base`. What this layer itself has there stays, and a directory becomes opaque. */
  hide(parent: Fd, base: string): void {
    const name = nameOf(base)
    try {
      mknodAt(parent, name, constants.S_IFCHR)
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
      if (isDirectory(statAt(parent, name))) setXattrAt(parent, name, opaqueAttribute, opaqueValue)
    }
  }

  /** Hides what lower layers have in the directory `parts`. */
  markOpaque(parts: readonly string[]): void {
    using directory = openInRoot(this.root, nameOf(parts.join('/') || '.'), constants.O_RDONLY | constants.O_DIRECTORY)
    setXattr(directory, opaqueAttribute, opaqueValue)
  }

  /** Removes what is at `base`. Paths may lead elsewhere then, so all that is known of them is dropped but `parent`. */
  remove(parent: Fd, base: string): void {
    removeTree(parent, nameOf(base))
    for (const [path, directory] of this.#parents) if (directory !== parent) this.#forget(path, directory)
  }

  [Symbol.dispose](): void {
    for (const [path, directory] of this.#parents) this.#forget(path, directory)
  }
}
