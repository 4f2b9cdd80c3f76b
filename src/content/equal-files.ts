// Files that several layers have: they share their blocks, where the file system can, and stay files of their own.

import { createHash } from 'node:crypto'
import { constants, readFileSync, readSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { KernelError, hasCode } from '../kernel/ffi.ts'
import { type Stat, openAt, statFd } from '../kernel/files.ts'
import { openFileInRoot } from '../kernel/openat2.ts'
import { shareBlocks } from '../kernel/shared-blocks.ts'
import { nameOf } from './layer-path.ts'
import { type Found, walk } from './tree/walk.ts'

/** Lets the files of the layer in `layer` share blocks with equal ones in it and in `others`, which went through this before. */
export interface ShareJob {
  readonly kind: 'share'
  readonly layer: string
  readonly others: readonly string[]
}

export interface ShareResult {
  /** Files that share blocks with one that was there before. */
  readonly files: number
  /** What they took, in bytes. */
  readonly bytes: number
}

/** The list of a layer's files, next to them: for each a key of eight bytes, the length of its path in two, and its path. */
export const fileList = 'equal-files'

/** Bytes below which a file is left alone: most files are small, and most bytes are in large ones. */
const smallest = 16 << 10
/** Bytes at the beginning and at the end of a file that its key is made of, with its size. */
const sampleBytes = 4096
/** Files of a layer that are looked at, so that their list stays small. */
const maxFiles = 200_000
/** Pairs that have a key in common and turn out to differ, after which no more with that key are tried. */
const maxFailures = 8

interface Listed {
  readonly key: bigint
  /** A byte string. */
  readonly path: string
}

/** Those of a layer's files that have a key in common, and share no blocks yet. */
interface Candidates {
  paths: string[]
  failures: number
}

/**
 * Does a ShareJob. What can't be opened or shared is left as it is; layers may be removed meanwhile. Throws KernelError
 * EOPNOTSUPP if the file system can't.
 */
export function share({ layer, others }: ShareJob, cancelled: () => boolean): ShareResult {
  using sharing = new Sharing(layer, cancelled)
  const list = sharing.list()
  for (const other of others) sharing.tryLayer(other)
  sharing.tryOwn()
  if (!cancelled()) writeList(layer, list)
  return { files: sharing.files, bytes: sharing.bytes }
}

class Sharing implements Disposable {
  readonly #root: Fd
  readonly #cancelled: () => boolean
  readonly #candidates = new Map<bigint, Candidates>()
  files = 0
  bytes = 0

  constructor(layer: string, cancelled: () => boolean) {
    this.#root = openRoot(layer)
    this.#cancelled = cancelled
  }

  /** The files that may share blocks: all of them are candidates from now on. */
  list(): Listed[] {
    const found: Listed[] = []
    const links = new Set<bigint>()
    for (const file of walk(this.#root)) {
      if (this.#cancelled() || found.length >= maxFiles) break
      if (!isWorthIt(file.stat) || links.has(file.stat.ino)) continue
      if (file.stat.nlink > 1) links.add(file.stat.ino)
      const key = keyOf(file)
      found.push({ key, path: file.path })
      const candidates = this.#candidates.get(key)
      if (candidates) candidates.paths.push(file.path)
      else this.#candidates.set(key, { paths: [file.path], failures: 0 })
    }
    return found
  }

  /** Tries the candidates with all files of another layer. */
  tryLayer(layer: string): void {
    if (this.#candidates.size === 0) return
    try {
      using root = openRoot(layer)
      for (const { key, path } of readList(layer, wanted => this.#candidates.has(wanted))) {
        const candidates = this.#candidates.get(key)
        if (!candidates || this.#cancelled()) return
        this.#try(root, path, candidates)
        if (candidates.paths.length === 0 || candidates.failures >= maxFailures) this.#candidates.delete(key)
      }
    } catch (error) {
      // It is being removed, or was not looked at.
      if (!hasCode(error, 'ENOENT')) throw error
    }
  }

  /** Tries the candidates that are left with each other. */
  tryOwn(): void {
    for (const candidates of this.#candidates.values()) {
      while (candidates.paths.length > 1 && candidates.failures < maxFailures && !this.#cancelled()) {
        this.#try(this.#root, candidates.paths.shift() ?? '', candidates)
      }
    }
  }

  #try(root: Fd, path: string, candidates: Candidates): void {
    candidates.paths = candidates.paths.filter(own => {
      if (candidates.failures >= maxFailures || this.#cancelled()) return true
      const bytes = shareFiles(root, path, this.#root, own)
      if (bytes === undefined) {
        candidates.failures++
        return true
      }
      this.files++
      this.bytes += bytes
      return false
    })
  }

  [Symbol.dispose](): void {
    this.#root.close()
  }
}

const openRoot = (layer: string): Fd => openPath(join(layer, 'fs'), constants.O_RDONLY | constants.O_DIRECTORY)

// One that is mostly holes takes long to compare, and has little to share.
const isWorthIt = ({ mode, size, blocks }: Stat): boolean =>
  (mode & constants.S_IFMT) === constants.S_IFREG && size >= smallest && blocks * 512 >= size / 2

function keyOf({ dir, base, stat: { size } }: Found): bigint {
  using file = openAt(dir, nameOf(base), constants.O_RDONLY)
  const sample = Buffer.alloc(8 + 2 * sampleBytes)
  sample.writeBigUInt64LE(BigInt(size), 0)
  readSync(file.number, sample, 8, sampleBytes, 0)
  readSync(file.number, sample, 8 + sampleBytes, sampleBytes, size - sampleBytes)
  return createHash('sha256').update(sample).digest().readBigUInt64LE(0)
}

/** The bytes that the second one took, if it shares the first one's blocks now. */
function shareFiles(root: Fd, path: string, ownRoot: Fd, own: string): number | undefined {
  try {
    using source = openFileInRoot(root, nameOf(path))
    using target = openFileInRoot(ownRoot, nameOf(own))
    const [{ size }, stat] = [statFd(source), statFd(target)]
    return size === stat.size && shareBlocks(source, target, size) ? stat.blocks * 512 : undefined
  } catch (error) {
    if (error instanceof KernelError && !hasCode(error, 'EOPNOTSUPP', 'ENOTSUP', 'ENOTTY')) return undefined
    throw error
  }
}

// It need not be synced: one that a power cut damaged only makes less be shared.
function writeList(layer: string, list: readonly Listed[]): void {
  const parts = list.flatMap(({ key, path }) => {
    const head = Buffer.alloc(10)
    head.writeBigUInt64LE(key, 0)
    head.writeUInt16LE(path.length, 8)
    return [head, Buffer.from(path, 'latin1')]
  })
  const place = join(layer, fileList)
  writeFileSync(`${place}.tmp`, Buffer.concat(parts), { mode: 0o600 })
  renameSync(`${place}.tmp`, place)
}

/** The files in a layer's list whose keys are wanted. */
function* readList(layer: string, isWanted: (key: bigint) => boolean): Generator<Listed, void, void> {
  const bytes = readFileSync(join(layer, fileList))
  for (let at = 0; at + 10 <= bytes.length; ) {
    const end = at + 10 + bytes.readUInt16LE(at + 8)
    const key = bytes.readBigUInt64LE(at)
    if (isWanted(key)) yield { key, path: bytes.toString('latin1', at + 10, end) }
    at = end
  }
}
