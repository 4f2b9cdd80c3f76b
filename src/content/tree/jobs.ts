// What is done to containers' trees away from the event loop. Descriptors go by number: they belong to the whole process.

import { constants } from 'node:fs'
import { asFileOwner } from '../../kernel/credentials.ts'
import { Fd, O_PATH, openPath } from '../../kernel/descriptor.ts'
import { hasCode } from '../../kernel/ffi.ts'
import { openAt, statFd } from '../../kernel/files.ts'
import { inMountNamespace } from '../../kernel/mount-namespace.ts'
import { openBeneath, openInRoot } from '../../kernel/openat2.ts'
import { assembleView, cloneFrom } from '../../kernel/tree-view.ts'
import { invalid } from '../../lib/errors.ts'
import { decompress } from '../decompress.ts'
import { nameOf } from '../layer-path.ts'
import { unlimited } from '../limits.ts'
import { type TarEvent, TarReader } from '../../lib/tar/reader.ts'
import { Unpacker } from '../unpacker.ts'
import { TreeArchive, archived } from './archive.ts'
import { type Change, changesOf } from './changes.ts'
import type { Flow } from './flow.ts'
import type { IdMap } from '../../lib/id-map.ts'
import { ownerOutside } from './ids.ts'
import { type PathStat, locate, lookupError, meansDirectory, resolvePath, statLocated } from './locate.ts'
import { packLayer } from './pack.ts'
import { isDirectory, statIfThere } from './walk.ts'

/** Copies the mount at `path` in another mount namespace, detached. */
export interface CloneJob {
  readonly kind: 'clone'
  readonly namespace: number
  /** A path in it, or the number of an open directory there. */
  readonly path: string | number
}

/** Attaches a detached tree and others in it where nobody else sees them; see kernel/tree-view.ts. */
export interface AssembleJob {
  readonly kind: 'assemble'
  readonly tree: number
  readonly place: string
  /** The tree itself can't be written to, whatever is mounted in it. */
  readonly readonly: boolean
  readonly mounts: readonly {
    readonly tree: number
    readonly destination: string
    readonly subpath: string
    readonly readonly: boolean
  }[]
}

/** A path in the tree whose root is open as `root`; `container` is for messages. */
interface PathJob {
  readonly root: number
  readonly path: string
  readonly container: string
}

export interface StatJob extends PathJob {
  readonly kind: 'stat'
}

/** Tells what is at the path, then gives an archive of it. */
export interface ArchiveJob extends PathJob {
  readonly kind: 'archive'
  readonly shift: IdMap | undefined
}

/** Gives an archive of the whole tree. */
export interface ExportJob {
  readonly kind: 'export'
  readonly root: number
  readonly shift: IdMap | undefined
}

/**
 * Tells where `path` leads to, all links followed, and unpacks the archive that it is given then, compressed or not, into
 * the directory there.
 */
export interface ExtractJob extends PathJob {
  readonly kind: 'extract'
  /** Where the tree is mounted: what something is mounted on can't be replaced there. */
  readonly namespace: number
  readonly keepTypes: boolean
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
  readonly shift: IdMap | undefined
}

/** What the layer at the path `upper`, which need not be there, changes in the tree `lower`. */
export interface ChangesJob {
  readonly kind: 'changes'
  readonly upper: string
  readonly lower: number
}

/** Gives the archive of the layer at the path `upper`, which need not be there. */
export interface PackJob {
  readonly kind: 'pack'
  readonly upper: string
}

export type TreeJob = CloneJob | AssembleJob | StatJob | ArchiveJob | ExportJob | ExtractJob | ChangesJob | PackJob

export interface TreeResults {
  /** Open descriptors, from now on the receiver's. */
  readonly clone: number
  readonly assemble: { readonly namespace: number; readonly root: number }
  readonly stat: PathStat
  readonly archive: undefined
  readonly export: undefined
  readonly extract: undefined
  readonly changes: readonly Change[]
  readonly pack: undefined
}

export interface TreeHeads {
  readonly clone: undefined
  readonly assemble: undefined
  readonly stat: undefined
  readonly archive: PathStat
  readonly export: undefined
  /** Absolute and clean. */
  readonly extract: string
  readonly changes: undefined
  readonly pack: undefined
}

/** How a job speaks with who asked for it. */
export interface TreeChannel {
  readonly flow: Flow
  head(value: unknown): void
}

/** Runs a job on this thread. */
export async function runTreeJob(job: TreeJob, channel: TreeChannel): Promise<TreeResults[TreeJob['kind']]> {
  switch (job.kind) {
    case 'clone':
      return clone(job)
    case 'assemble':
      return assemble(job)
    case 'stat':
      return stat(job)
    case 'archive':
      return await archive(job, channel)
    case 'export':
      return await exportTree(job, channel)
    case 'extract':
      return await extract(job, channel)
    case 'changes':
      return changes(job)
    case 'pack':
      return await pack(job, channel)
  }
}

/** A second descriptor of what another thread has open, for as long as it is needed here. */
const borrowed = (number: number): Fd => openPath(`/proc/self/fd/${number}`)

function clone({ namespace, path }: CloneJob): number {
  using other = openPath(`/proc/self/fd/${namespace}`, constants.O_RDONLY)
  using directory = typeof path === 'number' ? borrowed(path) : undefined
  return cloneFrom(other, directory ?? String(path)).release()
}

function assemble({ tree, place, readonly, mounts }: AssembleJob): TreeResults['assemble'] {
  using stack = new DisposableStack()
  const opened = mounts.map(mount => ({ ...mount, tree: stack.use(borrowed(mount.tree)) }))
  const { namespace, root } = assembleView(stack.use(borrowed(tree)), opened, { place, readonly })
  return { namespace: namespace.release(), root: root.release() }
}

function stat({ root, path, container }: StatJob): PathStat {
  using top = borrowed(root)
  return located(path, container, () => statLocated(top, locate(path)))
}

function located<T>(path: string, container: string, look: () => T): T {
  try {
    return look()
  } catch (error) {
    throw lookupError(error, path, container)
  }
}

const readable = constants.O_RDONLY | constants.O_DIRECTORY

async function archive({ root, path, container, shift }: ArchiveJob, { flow, head }: TreeChannel): Promise<undefined> {
  using top = borrowed(root)
  const place = locate(path)
  head(located(path, container, () => statLocated(top, place)))
  using parent = located(path, container, () => openInRoot(top, place.parent, readable))
  await flow.send(archived(entriesAt(new TreeArchive(shift), parent, place)))
  return undefined
}

// A directory with all below it, anything else as it is.
function* entriesAt(writer: TreeArchive, parent: Fd, place: ReturnType<typeof locate>): Generator<Buffer, void, void> {
  const name = bytesOf(place.name)
  if (meansDirectory(place)) return yield* writer.directory(parent, name === '/' ? '' : name)
  const base = bytesOf(place.base)
  const found = statIfThere(parent, base)
  if (!found) return
  if (!isDirectory(found)) return yield* writer.entry({ dir: parent, base, path: base, stat: found }, name)
  using dir = openAt(parent, nameOf(base), readable)
  yield* writer.directory(dir, name)
}

const bytesOf = (text: string): string => Buffer.from(text).toString('latin1')

async function exportTree({ root, shift }: ExportJob, { flow }: TreeChannel): Promise<undefined> {
  using top = openPath(`/proc/self/fd/${root}`, readable)
  await flow.send(archived(new TreeArchive(shift).content(top, '')))
  return undefined
}

async function extract(job: ExtractJob, { flow, head }: TreeChannel): Promise<undefined> {
  const { root, path, container, keepTypes, owner, shift } = job
  using top = borrowed(root)
  using namespace = openPath(`/proc/self/fd/${job.namespace}`, constants.O_RDONLY)
  const target = located(path, container, () => directoryAt(top, path))
  head(target)
  const base = target.split('/').filter(part => part !== '')
  // The container's files are the client's to fill, as its own programs could.
  using unpacker = new Unpacker(top, unlimited, { base: base.map(bytesOf), keepTypes, owner, shift })
  const reader = new TarReader()
  const handle = (events: Iterable<TarEvent>) =>
    inMountNamespace(namespace, () =>
      asRootOf(shift, () => {
        for (const event of events) unpacker.handle(event)
      }),
    )
  for await (const chunk of decompress(flow.received(), unlimited.expansion)) handle(reader.push(chunk))
  handle(reader.finish())
  asRootOf(shift, () => unpacker.finish())
  return undefined
}

// The host's root is nobody where a user namespace sees its files, and can make none there.
function asRootOf<T>(shift: IdMap | undefined, body: () => T): T {
  return shift ? asFileOwner(ownerOutside({ uid: 0, gid: 0 }, shift), body) : body()
}

function directoryAt(top: Fd, path: string): string {
  const target = resolvePath(top, path)
  using file = openInRoot(top, target, O_PATH)
  if (!isDirectory(statFd(file))) throw invalid('extraction point is not a directory')
  return target
}

function changes({ upper, lower }: ChangesJob): readonly Change[] {
  using layer = openLayer(upper)
  using below = borrowed(lower)
  if (!layer) return []
  using tree = openBeneath(below, '.', readable)
  return changesOf(layer, tree)
}

async function pack({ upper }: PackJob, { flow }: TreeChannel): Promise<undefined> {
  using layer = openLayer(upper)
  await flow.send(archived(layer ? packLayer(layer) : []))
  return undefined
}

function openLayer(path: string): Fd | undefined {
  try {
    return openPath(path, readable)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
