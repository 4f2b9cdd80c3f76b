// Work that is done away from the event loop, by functions that run to their end in a worker thread.

import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { fchmod, fchown, futimens, mkdirAt, openAt, statFd, syncfs } from '../kernel/files.ts'
import { openBeneath } from '../kernel/openat2.ts'
import { removeTree } from '../kernel/remove-tree.ts'
import { getXattr, listXattrs, removeXattr, setXattr } from '../kernel/xattr.ts'
import { unavailable } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'
import { type ShareJob, type ShareResult, share } from './equal-files.ts'
import { type Growth, readGrowing } from './growing.ts'
import { type Compression, decompress } from './decompress.ts'
import { nameOf } from './layer-path.ts'
import type { UnpackLimits } from './limits.ts'
import { TarReader } from '../lib/tar/reader.ts'
import { type Unpacked, Unpacker } from './unpacker.ts'

/** Unpacks a layer's archive into `fs` below the directory `target`. */
export interface UnpackJob {
  readonly kind: 'unpack'
  readonly archive: string
  /** If the archive is still being written. */
  readonly growth?: Growth
  /** The digest of the archive as it is, if it has just been computed: then it is no second time unless it is compressed. */
  readonly digest?: Digest
  readonly target: string
  readonly limits: UnpackLimits
}

/** Gives directories that no entry of a layer describes the attributes they have in the layers below, nearest first. */
export interface ImplyJob {
  readonly kind: 'imply'
  readonly layer: string
  readonly lower: readonly string[]
  readonly implied: readonly string[]
}

/** Waits until the file system that has `path` is on the disk. */
export interface SyncJob {
  readonly kind: 'sync'
  readonly path: string
}

/** Removes `names` in `directory`, with all below them. */
export interface RemoveJob {
  readonly kind: 'remove'
  readonly directory: string
  readonly names: readonly string[]
}

export type Job = UnpackJob | ImplyJob | SyncJob | RemoveJob | ShareJob

export interface UnpackResult extends Unpacked {
  /** The digest of the archive as it is when decompressed. */
  readonly diffId: Digest
}

export interface JobResults {
  readonly unpack: UnpackResult
  readonly imply: undefined
  readonly sync: undefined
  readonly remove: undefined
  readonly share: ShareResult
}

/** What a job may ask and tell while it runs. */
export interface JobControl {
  cancelled(): boolean
  /** Bytes of the archive that have been read. */
  progress(bytes: number): void
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY

/** Runs a job on this thread. */
export async function runJob(job: Job, control: JobControl): Promise<JobResults[Job['kind']]> {
  switch (job.kind) {
    case 'unpack':
      return await unpack(job, control)
    case 'imply':
      return imply(job)
    case 'sync':
      return sync(job)
    case 'remove':
      return remove(job)
    case 'share':
      return share(job, () => control.cancelled())
  }
}

async function unpack(job: UnpackJob, control: JobControl): Promise<UnpackResult> {
  const { archive, growth, target, limits } = job
  using root = makeRoot(target)
  using unpacker = new Unpacker(root, limits)
  const reader = new TarReader()
  const hash = createHash('sha256')
  let known: Digest | undefined
  const found = (compression: Compression) => (known = compression === 'none' ? job.digest : undefined)
  for await (const chunk of decompress(readArchive(archive, growth, control), limits.expansion, found)) {
    if (control.cancelled()) throw unavailable('context canceled')
    if (known === undefined) hash.update(chunk)
    for (const event of reader.push(chunk)) unpacker.handle(event)
  }
  for (const event of reader.finish()) unpacker.handle(event)
  return { ...unpacker.finish(), diffId: known ?? `sha256:${hash.digest('hex')}` }
}

async function* readArchive(
  path: string,
  growth: Growth | undefined,
  control: JobControl,
): AsyncGenerator<Buffer, void, void> {
  let bytes = 0
  const source = growth
    ? readGrowing(path, growth, () => control.cancelled())
    : (createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>)
  for await (const chunk of source) {
    bytes += chunk.length
    control.progress(bytes)
    yield chunk
  }
}

// What the data root passes on to new directories, such as a default ACL or its group, is not the image's.
function makeRoot(target: string): Fd {
  using parent = openPath(target, directoryFlags)
  mkdirAt(parent, 'fs', 0o700)
  const root = openAt(parent, 'fs', directoryFlags)
  fchown(root, 0, 0)
  for (const attribute of listXattrs(root)) if (attribute.startsWith('system.posix_acl')) removeXattr(root, attribute)
  fchmod(root, 0o755)
  return root
}

function imply({ layer, lower, implied }: ImplyJob): undefined {
  using root = openPath(layer, directoryFlags)
  using stack = new DisposableStack()
  const roots = lower.map(path => stack.use(openPath(path, directoryFlags)))
  for (const path of implied) {
    using directory = openDirectory(root, path)
    if (directory) copyFromLower(directory, roots, path)
  }
  return undefined
}

function copyFromLower(directory: Fd, roots: readonly Fd[], path: string): void {
  for (const root of roots) {
    using lower = openDirectory(root, path)
    if (lower === undefined) continue
    if (lower) copyAttributes(lower, directory)
    return
  }
}

/** The directory at `path`; undefined if there is nothing, null if there is something else. */
function openDirectory(root: Fd, path: string): Fd | undefined | null {
  try {
    return openBeneath(root, nameOf(path || '.'), directoryFlags, 0, { noSymlinks: true })
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    if (hasCode(error, 'ENOTDIR', 'ELOOP')) return null
    throw error
  }
}

function copyAttributes(from: Fd, to: Fd): void {
  const { mode, uid, gid, mtimeNs } = statFd(from)
  fchown(to, uid, gid)
  fchmod(to, mode & 0o7777)
  for (const attribute of listXattrs(from)) {
    const value = attribute.startsWith('trusted.overlay.') ? undefined : getXattr(from, attribute)
    if (value) setXattr(to, attribute, value)
  }
  futimens(to, mtimeNs)
}

function sync({ path }: SyncJob): undefined {
  using directory = openPath(path, directoryFlags)
  syncfs(directory)
  return undefined
}

function remove({ directory, names }: RemoveJob): undefined {
  using parent = openPath(directory, directoryFlags)
  for (const name of names) removeTree(parent, name)
  return undefined
}
