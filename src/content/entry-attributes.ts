// Owner, mode, extended attributes and times of unpacked files, set in the order that keeps them all.

import { readFileSync } from 'node:fs'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { chmodAt, chownAt, fchmod, fchown, futimens, utimensAt } from '../kernel/files.ts'
import { setXattr, setXattrAt } from '../kernel/xattr.ts'
import { nameOf } from './layer-path.ts'
import type { TarEntry } from '../lib/tar/entry.ts'

const permissions = 0o777
/** 2262-04-11, beyond which Go's times overflow. */
const lastTime = 2n ** 63n - 1n

/** A modification time as Docker bounds it: what a file system may not hold becomes the epoch. */
export const boundTime = (mtime: bigint): bigint => (mtime < 0n || mtime > lastTime ? 0n : mtime)

const setGroupId = 0o2000

/** Sets attributes with as few system calls as the entry and the process allow. */
export class EntryAttributes {
  readonly #umask = readUmask()
  /** True once a directory may have the set-group-ID bit or a default ACL: what is made in it takes its group. */
  #groupsInherited: boolean

  /** `inherits` is true if there are directories already of which nothing is known. */
  constructor({ inherits = false } = {}) {
    this.#groupsInherited = inherits
  }

  /** Attributes of a regular file that was made with the entry's permissions, and written. */
  setFile(file: Fd, entry: TarEntry): void {
    const owned = this.#mustOwn(entry)
    if (owned) fchown(file, entry.uid, entry.gid)
    if (owned || this.#withheld(entry)) fchmod(file, entry.mode)
    for (const [attribute, value] of wanted(entry)) tolerate(() => setXattr(file, attribute, value))
    futimens(file, boundTime(entry.mtime))
  }

  /** Attributes of any other file that was made with the entry's permissions. */
  setNew(dir: Fd, base: string, entry: TarEntry): void {
    const owned = this.#mustOwn(entry)
    this.#set(dir, base, entry, owned, owned || this.#withheld(entry))
  }

  /** Attributes of a file that was there before, under this name or another. */
  setExisting(dir: Fd, base: string, entry: TarEntry, isLink: boolean): void {
    this.#set(dir, base, entry, true, !isLink)
  }

  #set(dir: Fd, base: string, entry: TarEntry, owner: boolean, mode: boolean): void {
    const name = nameOf(base)
    if (owner) chownAt(dir, name, entry.uid, entry.gid)
    if (mode && entry.type !== 'symlink') chmodAt(dir, name, entry.mode)
    for (const [attribute, value] of wanted(entry)) tolerate(() => setXattrAt(dir, name, attribute, value))
    // Those of a directory change until its last entry.
    if (entry.type !== 'directory') utimensAt(dir, name, boundTime(entry.mtime))
    else if (entry.mode & setGroupId) this.#groupsInherited = true
  }

  #mustOwn = ({ uid, gid }: TarEntry): boolean => uid !== 0 || gid !== 0 || this.#groupsInherited
  #withheld = ({ mode }: TarEntry): boolean => (mode & this.#umask) !== 0 || mode > permissions
}

// process.umask() can only read it by changing it, for all threads.
function readUmask(): number {
  const match = /^Umask:\s*([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))
  return match?.[1] === undefined ? permissions : Number.parseInt(match[1], 8)
}

// An image has no say in how overlayfs puts its layers together.
const refused = ['trusted.overlay.', 'user.overlay.']

function wanted({ xattrs }: TarEntry): Iterable<readonly [string, Buffer]> {
  if (xattrs.size === 0) return []
  return [...xattrs].filter(([attribute]) => !refused.some(prefix => attribute.startsWith(prefix)))
}

// Where the kind of file or the file system can't have an attribute, Docker does without it.
function tolerate(set: () => void): void {
  try {
    set()
  } catch (error) {
    if (!hasCode(error, 'ENOTSUP', 'EOPNOTSUPP', 'EPERM')) throw error
  }
}
