// Writes a tree as a tar archive, piece by piece: what `docker cp` and `docker export` send.

import { constants, readSync } from 'node:fs'
import { type Fd, O_PATH, openPath } from '../../kernel/descriptor.ts'
import { type Stat, major, minor, openAt, readlinkAt, statFd } from '../../kernel/files.ts'
import { getXattr, getXattrAt, listXattrs, listXattrsAt } from '../../kernel/xattr.ts'
import { nameOf } from '../layer-path.ts'
import type { TarType } from '../../lib/tar/entry.ts'
import { type NewEntry, endOfArchive, formatHeader, padding } from '../../lib/tar/writer.ts'
import type { IdMap } from '../../lib/id-map.ts'
import { ownerInside } from './ids.ts'
import { type Found, isDirectory, unlessGone, walk } from './walk.ts'

/** Bytes read at a time. */
const chunkSize = 256 * 1024
/** Files with several names that are remembered; of more, each name is a copy. */
const maxLinked = 200_000
const second = 1_000_000_000n

const types: ReadonlyMap<number, TarType> = new Map([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'directory'],
  [constants.S_IFLNK, 'symlink'],
  [constants.S_IFCHR, 'character'],
  [constants.S_IFBLK, 'block'],
  [constants.S_IFIFO, 'fifo'],
])

/** The type of an entry for a file; undefined for sockets, which an archive can't hold. */
export const typeOf = ({ mode }: Stat): TarType | undefined => types.get(mode & constants.S_IFMT)

/** An entry's header and, of a file, where the rest comes from. */
interface Made {
  readonly header: Buffer
  readonly file?: Fd
  /** Bytes. */
  readonly size: number
}

/** Makes the entries of one archive, each piece to be used before the next is asked for. Files with several names are stored once. */
export class TreeArchive {
  readonly #linked = new Map<string, string>()
  readonly #shift: IdMap | undefined
  #memory: Buffer | undefined

  /** With `shift`, owners are those inside the user namespace. */
  constructor(shift?: IdMap) {
    this.#shift = shift
  }

  #firstName({ dev, ino, nlink }: Stat, name: string): string | undefined {
    if (nlink < 2) return undefined
    const identity = `${dev}:${ino}`
    const first = this.#linked.get(identity)
    if (first === undefined && this.#linked.size < maxLinked) this.#linked.set(identity, name)
    return first
  }

  // Whole seconds, as Docker has it: a fraction would cost each entry a header of its own.
  #attributesOf(stat: Stat, type: TarType): Omit<NewEntry, 'name'> {
    const isDevice = type === 'character' || type === 'block'
    return {
      type,
      mode: stat.mode & 0o7777,
      ...ownerInside(stat, this.#shift),
      mtime: (stat.mtimeNs / second) * second,
      ...(isDevice && { major: major(stat.rdev), minor: minor(stat.rdev) }),
    }
  }

  /** The directory `dir`, opened for reading, and all below it, below `name` in the archive; '' is the root. */
  *directory(dir: Fd, name: string): Generator<Buffer, void, void> {
    yield formatHeader({ ...this.#attributesOf(statFd(dir), 'directory'), name: `${name}/` })
    yield* this.content(dir, `${name}/`)
  }

  /** What is in the directory `dir`, opened for reading, with `prefix` before each name. */
  *content(dir: Fd, prefix: string): Generator<Buffer, void, void> {
    for (const found of walk(dir)) yield* this.entry(found, prefix + found.path)
  }

  /** One thing as it is, without what is below it. What has gone meanwhile is left out. */
  *entry(found: Found, name: string): Generator<Buffer, void, void> {
    const made = unlessGone(() => this.#make(found, name))
    if (!made) return
    using file = made.file
    yield made.header
    if (!file) return
    yield* contentOf(file, made.size, (this.#memory ??= Buffer.allocUnsafeSlow(chunkSize)))
    yield padding(made.size)
  }

  #make({ dir, base, stat }: Found, name: string): Made | undefined {
    const type = typeOf(stat)
    if (type === undefined) return undefined
    if (type === 'file') return this.#file(dir, base, name)
    const entry: NewEntry = { ...this.#attributesOf(stat, type), name: isDirectory(stat) ? `${name}/` : name }
    if (type === 'symlink') return { header: formatHeader({ ...entry, linkName: linkTarget(dir, base) }), size: 0 }
    return { header: formatHeader({ ...entry, xattrs: directoryXattrs(dir, base, type) }), size: 0 }
  }

  // Opening a device can do something by itself, so it is made sure first that there is a file still.
  #file(dir: Fd, base: string, name: string): Made | undefined {
    using handle = openAt(dir, nameOf(base), O_PATH)
    const stat = statFd(handle)
    if (typeOf(stat) !== 'file') return undefined
    const attributes = this.#attributesOf(stat, 'file')
    const linkName = this.#firstName(stat, name)
    if (linkName !== undefined)
      return { header: formatHeader({ ...attributes, type: 'hardlink', name, linkName }), size: 0 }
    const file = openPath(handle.path, constants.O_RDONLY)
    const xattrs = portable(listXattrs(file), attribute => getXattr(file, attribute))
    return { header: formatHeader({ ...attributes, name, size: stat.size, xattrs }), file, size: stat.size }
  }
}

const linkTarget = (dir: Fd, base: string): string => Buffer.from(readlinkAt(dir, nameOf(base))).toString('latin1')

/** True for attributes that belong to the file wherever it is; others are the host's, or those of overlayfs. */
const isPortable = (attribute: string): boolean => attribute === 'security.capability' || attribute.startsWith('user.')

function directoryXattrs(dir: Fd, base: string, type: TarType): ReadonlyMap<string, Buffer> | undefined {
  if (type !== 'directory') return undefined
  const name = nameOf(base)
  return portable(listXattrsAt(dir, name), attribute => getXattrAt(dir, name, attribute))
}

function portable(attributes: readonly string[], valueOf: (attribute: string) => Buffer | undefined) {
  const found = attributes.filter(isPortable).flatMap(attribute => {
    const value = valueOf(attribute)
    return value ? [[attribute, value] as const] : []
  })
  return found.length > 0 ? new Map(found) : undefined
}

// The header has said how much there will be: what a file has lost meanwhile is zeros, what it has won is left out.
function* contentOf(file: Fd, size: number, memory: Buffer): Generator<Buffer, void, void> {
  for (let left = size; left > 0; ) {
    const room = memory.subarray(0, Math.min(left, memory.length))
    const count = readSync(file.number, room)
    const piece = count === 0 ? room.fill(0) : room.subarray(0, count)
    left -= piece.length
    yield piece
  }
}

/** `entries`, and the end of the archive. */
export function* archived(entries: Iterable<Buffer>): Generator<Buffer, void, void> {
  yield* entries
  yield endOfArchive
}
