// Copies a directory's content with owners, modes, times, attributes and hard links, without following a link.

import { constants, readSync } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import { type Fd, O_PATH } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import {
  type Name,
  type Stat,
  chmodAt,
  chownAt,
  copyFileRange,
  fchmod,
  fchown,
  futimens,
  linkFdAt,
  mkdirAt,
  mknodAt,
  openAt,
  readDirectory,
  readlinkAt,
  statAt,
  statFd,
  symlinkAt,
  utimensAt,
  write,
} from '../kernel/files.ts'
import { getXattr, getXattrAt, listXattrs, listXattrsAt, setXattr, setXattrAt } from '../kernel/xattr.ts'
import { invalid } from '../lib/errors.ts'

/** Each level holds two descriptors open. */
const deepest = 200
const chunk = 4 * 1024 * 1024
/** How long the event loop may be kept waiting, in milliseconds. */
const slice = 5

/**
 * Copies what is in `from` into `to`, an empty directory that nobody else writes to, and gives `to` the owner, mode, times
 * and attributes of `from`. The source may change meanwhile, but nothing outside it is read. Throws KernelError.
 */
export async function copyTree(from: Fd, to: Fd): Promise<void> {
  await new Copy().directory(from, to, 0)
}

class Copy {
  // The first copy of each file with several names, by identity; held open by descriptor until the end.
  readonly #linked = new Map<string, Fd>()
  #resumed = performance.now()

  async directory(from: Fd, to: Fd, depth: number): Promise<void> {
    if (depth > deepest) throw invalid(`The image's directories are nested more than ${deepest} deep`)
    try {
      for (const { name } of readDirectory(from)) await this.#entry(from, to, name, depth)
      copyMetadata(from, to)
    } finally {
      if (depth === 0) for (const file of this.#linked.values()) file.close()
    }
  }

  async #entry(from: Fd, to: Fd, name: Name, depth: number): Promise<void> {
    await this.#yield()
    const stat = statAt(from, name)
    switch (stat.mode & constants.S_IFMT) {
      case constants.S_IFDIR:
        return this.#subdirectory(from, to, name, depth)
      case constants.S_IFREG:
        return this.#file(from, to, name, stat)
      case constants.S_IFLNK:
        symlinkAt(readlinkAt(from, name), to, name)
        return copyMetadataAt(from, to, name, stat)
      default:
        mknodAt(to, name, stat.mode, stat.rdev)
        return copyMetadataAt(from, to, name, stat)
    }
  }

  async #subdirectory(from: Fd, to: Fd, name: Name, depth: number): Promise<void> {
    mkdirAt(to, name, 0o700)
    const flags = constants.O_RDONLY | constants.O_DIRECTORY
    using source = openAt(from, name, flags)
    using target = openAt(to, name, flags)
    await this.directory(source, target, depth + 1)
  }

  async #file(from: Fd, to: Fd, name: Name, { dev, ino, nlink }: Stat): Promise<void> {
    const identity = `${dev}:${ino}`
    const twin = this.#linked.get(identity)
    if (twin) return linkFdAt(twin, to, name)
    using source = openAt(from, name, constants.O_RDONLY)
    using target = openAt(to, name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    await this.#bytes(source, target)
    copyMetadata(source, target)
    if (nlink > 1 && this.#linked.size < maximumLinked) this.#linked.set(identity, openAt(to, name, O_PATH))
  }

  async #bytes(source: Fd, target: Fd): Promise<void> {
    const copySome = (await this.#copiesInKernel(source, target)) ? copyFileRange : copyThroughMemory
    while (copySome(source, target, chunk) > 0) await this.#yield()
  }

  async #copiesInKernel(source: Fd, target: Fd): Promise<boolean> {
    try {
      copyFileRange(source, target, chunk)
      return true
    } catch (error) {
      if (hasCode(error, 'EXDEV', 'EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP')) return false
      throw error
    }
  }

  async #yield() {
    if (performance.now() - this.#resumed < slice) return
    await breathe()
    this.#resumed = performance.now()
  }
}

// More files with several names than this are copied once per name.
const maximumLinked = 128

function copyThroughMemory(source: Fd, target: Fd, length: number): number {
  const buffer = Buffer.allocUnsafe(length)
  const count = readSync(source.number, buffer)
  write(target, buffer.subarray(0, count))
  return count
}

/** Copies owner, mode, attributes and time, in the order in which they don't undo each other. Throws KernelError. */
export function copyMetadata(from: Fd, to: Fd) {
  const { uid, gid, mode, mtimeNs } = statFd(from)
  fchown(to, uid, gid)
  fchmod(to, mode & 0o7777)
  for (const attribute of listXattrs(from)) {
    const bytes = getXattr(from, attribute)
    if (bytes) tolerateUnsupported(() => setXattr(to, attribute, bytes))
  }
  futimens(to, mtimeNs)
}

function copyMetadataAt(from: Fd, to: Fd, name: Name, { uid, gid, mode, mtimeNs }: Stat) {
  chownAt(to, name, uid, gid)
  if ((mode & constants.S_IFMT) !== constants.S_IFLNK) chmodAt(to, name, mode & 0o7777)
  for (const attribute of listXattrsAt(from, name)) {
    const bytes = getXattrAt(from, name, attribute)
    if (bytes) tolerateUnsupported(() => setXattrAt(to, name, attribute, bytes))
  }
  utimensAt(to, name, mtimeNs)
}

function tolerateUnsupported(set: () => void) {
  try {
    set()
  } catch (error) {
    if (!hasCode(error, 'ENOTSUP', 'EOPNOTSUPP')) throw error
  }
}
