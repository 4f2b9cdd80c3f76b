// Turns the entries of a layer's archive into files below a directory, as overlayfs wants them: whiteouts are 0:0 devices.

import { constants } from 'node:fs'
import { type Fd, O_PATH } from '../kernel/descriptor.ts'
import { KernelError, describe, hasCode } from '../kernel/ffi.ts'
import {
  fchmod,
  fchown,
  futimens,
  linkAt,
  makedev,
  mknodAt,
  openAt,
  statAt,
  symlinkAt,
  truncate,
  write,
} from '../kernel/files.ts'
import { openInRoot } from '../kernel/openat2.ts'
import { forbidden, invalid, system } from '../lib/errors.ts'
import { EntryAttributes, boundTime } from './entry-attributes.ts'
import { components, meaningOf, nameOf, quote } from './layer-path.ts'
import { LayerTree } from './layer-tree.ts'
import { type UnpackLimits, beyond } from './limits.ts'
import type { TarEntry, TarType } from '../lib/tar/entry.ts'
import type { TarEvent } from '../lib/tar/reader.ts'
import type { IdMap } from '../lib/id-map.ts'
import { ownerOutside } from './tree/ids.ts'

/** What a layer came to. */
export interface Unpacked {
  /** Bytes of its files, as Docker counts a layer's size. */
  readonly size: number
  readonly entries: number
  /** Directories that had to be made although no entry describes them, as byte strings; '' is the root. */
  readonly implied: readonly string[]
}

/** How an archive is put into a tree that has files already, and is in use, instead of making a layer. */
export interface Extraction {
  /** Components of the directory that names are relative to, from the root. */
  readonly base: readonly string[]
  /** A directory is replaced by nothing else, nor anything else by a directory. */
  readonly keepTypes: boolean
  /** Owner of everything; undefined for the one the archive says. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
  /** Owners are those of a user namespace, and the tree is one that it sees. */
  readonly shift: IdMap | undefined
}

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
const maxDirectoryBytes = 128 << 20

/** Unpacks one archive below `root`, event by event. Nothing outside `root` is touched, whatever the entries say. */
export class Unpacker implements Disposable {
  readonly #tree: LayerTree
  readonly #limits: UnpackLimits
  readonly #extraction: Extraction | undefined
  readonly #attributes: EntryAttributes
  /** Times to set once nothing changes directories any more. */
  readonly #directoryTimes = new Map<string, bigint>()
  #directoryBytes = 0
  #entry: TarEntry | undefined
  #file: Fd | undefined
  #written = 0
  #size = 0
  #apparentSize = 0
  #entries = 0

  /**
   * `root` is an open directory that stays the caller's: for a layer empty and with mode 0755, with `extraction` the root of
   * a tree, in which links are followed.
   */
  constructor(root: Fd, limits: UnpackLimits, extraction?: Extraction) {
    this.#tree = new LayerTree(root)
    this.#limits = limits
    this.#extraction = extraction
    this.#attributes = new EntryAttributes({ inherits: extraction !== undefined })
  }

  /** Takes the next event of the archive. Throws `invalid` for what no layer may hold, `system` for what the host lacks. */
  handle(event: TarEvent): void {
    try {
      if (event.kind === 'data') this.#write(event.bytes, event.offset)
      else if (event.kind === 'entry') this.#begin(event.entry)
      else this.#end()
    } catch (error) {
      throw translate(error, this.#entry?.name ?? '')
    }
  }

  /** Sets what could not be set before, and says what the layer came to. */
  finish(): Unpacked {
    for (const [path, mtime] of this.#directoryTimes) this.#setDirectoryTime(path, mtime)
    return { size: this.#size, entries: this.#entries, implied: [...this.#tree.implied] }
  }

  #begin(entry: TarEntry): void {
    this.#entry = entry
    this.#count(entry)
    const parts = components(entry.name, this.#whole)
    if (this.#extraction) return this.#extract(parts, entry, this.#extraction)
    if (parts.length === 0) return this.#setRoot(entry)
    const meaning = meaningOf(parts)
    if (meaning.kind === 'ignored') return
    const parent = this.#tree.parentOf(parts)
    if (meaning.kind === 'whiteout') this.#tree.hide(parent, meaning.hides)
    else if (meaning.kind === 'opaque') this.#tree.markOpaque(parts.slice(0, -1))
    else this.#create(parent, parts, entry)
  }

  /** What names may not lead out of, for messages. */
  get #whole(): string | undefined {
    return this.#extraction && quote(`/${this.#extraction.base.join('/')}`)
  }

  // The directory itself stays as it is.
  #extract(parts: readonly string[], entry: TarEntry, { base, owner, shift }: Extraction): void {
    if (parts.length === 0) return
    const path = [...base, ...parts]
    const owned = { ...entry, ...ownerOutside(owner ?? entry, shift) }
    this.#entry = owned
    this.#create(this.#tree.parentOf(path), path, owned)
  }

  #count(entry: TarEntry): void {
    this.#entries++
    this.#apparentSize += entry.size
    const { maxEntries, maxSize, maxPathLength } = this.#limits
    if (this.#entries > maxEntries) throw beyond('maxEntries', `the layer has more than ${maxEntries} entries`)
    if (this.#apparentSize > maxSize) throw beyond('maxSize', `the layer unpacks to more than ${maxSize} bytes`)
    if (entry.name.length > maxPathLength || entry.linkName.length > maxPathLength) {
      throw invalid(`a path in the layer is longer than ${maxPathLength} bytes`)
    }
  }

  #setRoot(entry: TarEntry): void {
    if (entry.type !== 'directory') throw invalid(`the root of the layer is a ${entry.type}`)
    const { root } = this.#tree
    fchown(root, entry.uid, entry.gid)
    fchmod(root, entry.mode)
    this.#tree.implied.delete('')
    this.#rememberTime('', entry.mtime)
  }

  // Later entries win. Most names are new, so the collision is found by trying.
  #create(parent: Fd, parts: readonly string[], entry: TarEntry): void {
    const base = parts.at(-1) as string
    const { type } = entry
    if (type === 'directory') return this.#directory(parent, parts, base, entry)
    try {
      this.#make(parent, base, entry, type)
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
      this.#checkReplaceable(parent, parts, 'non-directory')
      this.#tree.remove(parent, base)
      this.#make(parent, base, entry, type)
    }
  }

  #directory(parent: Fd, parts: readonly string[], base: string, entry: TarEntry): void {
    const path = parts.join('/')
    if (this.#makeDirectory(parent, parts, base, entry)) this.#attributes.setNew(parent, base, entry)
    else this.#attributes.setExisting(parent, base, entry, false)
    this.#tree.implied.delete(path)
    this.#rememberTime(path, entry.mtime)
  }

  // The error names the directory that is extracted to for the entry, as Docker does.
  #checkReplaceable(parent: Fd, parts: readonly string[], by: 'directory' | 'non-directory'): void {
    if (!this.#extraction?.keepTypes) return
    const { mode } = statAt(parent, nameOf(parts.at(-1) ?? ''))
    const kind = (mode & constants.S_IFMT) === constants.S_IFDIR ? 'directory' : 'non-directory'
    if (kind === by) return
    const [path, base] = [parts, this.#extraction.base].map(list => quote(`/${list.join('/')}`))
    throw invalid(`cannot overwrite ${kind} ${path} with ${by} ${base}`)
  }

  #makeDirectory(parent: Fd, parts: readonly string[], base: string, entry: TarEntry): boolean {
    try {
      return this.#tree.makeDirectory(parent, base, entry.mode & 0o777)
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
      this.#checkReplaceable(parent, parts, 'directory')
      this.#tree.remove(parent, base)
      return this.#tree.makeDirectory(parent, base, entry.mode & 0o777)
    }
  }

  #make(parent: Fd, base: string, entry: TarEntry, type: Exclude<TarType, 'directory'>): void {
    const name = nameOf(base)
    const { mode, linkName } = entry
    if (type === 'file') {
      this.#file = openAt(parent, name, createFlags, mode & 0o777)
      this.#written = 0
      this.#size += entry.size
      return
    }
    if (type === 'hardlink') return this.#hardLink(parent, base, entry)
    if (type === 'symlink') symlinkAt(nameOf(linkName), parent, name)
    else mknodAt(parent, name, formats[type] | (mode & 0o777), deviceOf(entry))
    if (type === 'symlink') this.#size += linkName.length
    this.#attributes.setNew(parent, base, entry)
  }

  #hardLink(parent: Fd, base: string, entry: TarEntry): void {
    const target = [...(this.#extraction?.base ?? []), ...components(entry.linkName, this.#whole)]
    const source = target.at(-1)
    if (source === undefined) throw invalid(`invalid hardlink ${quote(entry.name)} -> ${quote(entry.linkName)}`)
    const directory = target.slice(0, -1).join('/')
    using from = openInRoot(this.#tree.root, nameOf(directory || '.'), O_PATH | constants.O_DIRECTORY)
    linkAt(from, nameOf(source), parent, nameOf(base))
    const { mode } = statAt(parent, nameOf(base))
    this.#attributes.setExisting(parent, base, entry, (mode & constants.S_IFMT) === constants.S_IFLNK)
  }

  #write(bytes: Buffer, offset: number): void {
    if (!this.#file) return
    write(this.#file, bytes, offset)
    this.#written = offset + bytes.length
  }

  #end(): void {
    using file = this.#file
    this.#file = undefined
    if (!file || !this.#entry) return
    if (this.#written < this.#entry.size) truncate(file, this.#entry.size)
    this.#attributes.setFile(file, this.#entry)
  }

  #rememberTime(path: string, mtime: bigint): void {
    if (!this.#directoryTimes.has(path)) this.#directoryBytes += path.length
    if (this.#directoryBytes > maxDirectoryBytes) throw invalid('the layer has too many directories')
    this.#directoryTimes.set(path, boundTime(mtime))
  }

  #setDirectoryTime(path: string, mtime: bigint): void {
    try {
      const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
      using directory = openInRoot(this.#tree.root, nameOf(path || '.'), flags)
      futimens(directory, mtime)
    } catch (error) {
      // A later entry may have taken its place.
      if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw translate(error, path)
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close()
    this.#tree[Symbol.dispose]()
  }
}

const formats = { character: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO } as const

function deviceOf({ type, major, minor, name }: TarEntry): number {
  if (type === 'fifo') return 0
  if (major < 0 || major > 0xfff || minor < 0 || minor > 0xf_ffff) {
    throw invalid(`device ${major}:${minor} of ${quote(name)} is out of range`)
  }
  return makedev(major, minor)
}

/** What an archive can bring about by what it contains. */
const archiveFaults = [
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
  'EXDEV',
  'EPERM',
  'EMLINK',
  'EFBIG',
  'ERANGE',
  'E2BIG',
  'EBUSY',
]

function translate(error: unknown, name: string): unknown {
  if (!(error instanceof KernelError)) return error
  const message = `${error.syscall} ${quote(name)}: ${describe(error.errno)}`
  if (hasCode(error, 'EROFS')) return forbidden(message, { cause: error })
  return hasCode(error, ...archiveFaults) ? invalid(message, { cause: error }) : system(message, { cause: error })
}
