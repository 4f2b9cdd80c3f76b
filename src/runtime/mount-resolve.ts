// From planned mounts to those a runtime performs: sources made or found, propagation checked, options decided.

import { mkdirSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { type Fd, O_PATH, openPath } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { mapIds, openTree } from '../kernel/mount.ts'
import { openBeneath } from '../kernel/openat2.ts'
import { invalid } from '../lib/errors.ts'
import { isWithin } from '../lib/paths.ts'
import type { MountedImage, PlannedMount } from './mount-request.ts'
import { type MountEntry, readMountTable } from '../kernel/mount-table.ts'
import type { ResolvedMount } from './spec-mounts.ts'
import { tmpfsOptions } from './tmpfs.ts'

/** What resolving depends on. */
export interface ResolveContext {
  /** The path of a volume's data, mounted if it has to be. */
  volumePath(name: string): string | Promise<string>
  /** An image's layers, mounted as one tree. */
  imageTree(image: MountedImage): Fd
  /** Has `tree` attached where only the container's start can reach it, and returns that path. Takes it over. */
  place(tree: Fd): string
  /** The user namespace whose ids volumes have; undefined for the host's. */
  users?: Fd
  /** The runtime understands `rro`. */
  recursiveReadonly: boolean
}

/** Resolves plans just before a start. Makes missing sources of `-v`. Throws dockerd's or runc's messages. */
export async function resolveMounts(plans: readonly PlannedMount[], context: ResolveContext): Promise<ResolvedMount[]> {
  const table = lazily(readMountTable)
  return Promise.all(plans.map(plan => resolveMount(plan, context, table)))
}

async function resolveMount(
  plan: PlannedMount,
  context: ResolveContext,
  table: () => readonly MountEntry[],
): Promise<ResolvedMount> {
  if (plan.type === 'tmpfs') return resolveTmpfs(plan)
  const source = await sourceOf(plan, context)
  checkProc(plan.destination, source)
  const propagation = resolvePropagation(plan, source, table)
  return { destination: plan.destination, type: 'bind', source, options: bindOptions(plan, context, propagation) }
}

/** What a mount shows, as a tree attached nowhere; of an image all of it, whatever the subpath. Throws as `resolveMounts`. */
export async function mountTree(
  plan: PlannedMount,
  context: Pick<ResolveContext, 'volumePath' | 'imageTree' | 'users'>,
): Promise<Fd> {
  if (plan.type === 'image') return context.imageTree(knownImage(plan))
  if (plan.type === 'bind') return openTree(bindSource(plan), { clone: true, recursive: !plan.nonRecursive })
  return volumeTree(plan, await context.volumePath(plan.name), context.users)
}

function volumeTree(plan: PlannedMount, path: string, users: Fd | undefined): Fd {
  const tree = plan.subpath ? partOf(plan, path) : openTree(path, { clone: true, recursive: true })
  return users ? withOwners(tree, users) : tree
}

async function sourceOf(plan: PlannedMount, context: ResolveContext): Promise<string> {
  if (plan.type === 'image') return imageSource(plan, context)
  if (plan.type === 'bind') return bindSource(plan)
  const path = await context.volumePath(plan.name)
  return plan.subpath || context.users ? context.place(volumeTree(plan, path, context.users)) : path
}

/** What a volume holds has the same owners on disk, whoever uses it; except where the file system has no such mounts. */
function withOwners(tree: Fd, users: Fd): Fd {
  try {
    mapIds(tree, users)
    return tree
  } catch (error) {
    if (hasCode(error, 'EINVAL', 'EOPNOTSUPP')) return tree
    tree.close()
    throw error
  }
}

function partOf(plan: PlannedMount, path: string): Fd {
  using volume = openPath(path)
  using inside = openInside(volume, plan, path)
  return openTree(inside, { clone: true, recursive: true })
}

function knownImage({ image, source, destination }: PlannedMount): MountedImage {
  if (image) return image
  throw invalid(`the image ${source} of the mount at ${destination} is not known`)
}

// Nothing moves in an image, so what a path leads to once it always does; before Linux 6.15 a part of what is attached
// nowhere can't be had by descriptor.
function imageSource(plan: PlannedMount, context: ResolveContext): string {
  const tree = context.imageTree(knownImage(plan))
  const inside = plan.subpath ? pathInside(tree, plan) : ''
  return posix.join(context.place(tree), inside)
}

function pathInside(tree: Fd, plan: PlannedMount): string {
  try {
    using inside = openInside(tree, plan, plan.source)
    return readlinkSync(inside.path)
  } catch (error) {
    tree.close()
    throw error
  }
}

/**
 * Opens what is at the plan's subpath in `root`. Whoever writes to the root may move it while it is looked up, and leave
 * links to anywhere: neither leads out of the root.
 */
function openInside(root: Fd, { type, subpath }: PlannedMount, name: string): Fd {
  try {
    return openBeneath(root, subpath, O_PATH)
  } catch (error) {
    if (hasCode(error, 'EXDEV', 'ELOOP')) {
      throw invalid(`the subpath ${subpath} leads out of the ${type} ${name}`, { cause: error })
    }
    if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) throw error
    throw invalid(`cannot access path ${posix.join(name, subpath)}: no such file or directory`, { cause: error })
  }
}

// The table is long on a host with many containers, and few mounts depend on it.
function lazily<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

function resolveTmpfs(plan: PlannedMount): ResolvedMount {
  checkProc(plan.destination, '')
  return { destination: plan.destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(plan.data) }
}

// Of a single mount recursive options mean no more than the others, but for crun they bring in what is mounted below it.
function bindOptions(plan: PlannedMount, context: ResolveContext, propagation: string): string[] {
  const options = [plan.nonRecursive ? 'bind' : 'rbind']
  if (!plan.rw) {
    if (plan.readonlyDepth === 'forceRecursive' && !context.recursiveReadonly) {
      throw invalid('this host and runtime do not support recursive read-only mounts')
    }
    const deep = plan.readonlyDepth !== 'topOnly' && !plan.nonRecursive
    options.push(context.recursiveReadonly && deep ? 'rro' : 'ro')
  }
  if (propagation) options.push(plan.nonRecursive ? propagation.replace(/^r/, '') : propagation)
  return options
}

/** The source, which exists afterwards. */
function bindSource({ source, createSource }: PlannedMount): string {
  if (createSource) makeSource(source)
  else if (!statSync(source, { throwIfNoEntry: false })) {
    throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${source}`)
  }
  return source
}

function makeSource(source: string) {
  try {
    if (statSync(source, { throwIfNoEntry: false })) return
    mkdirSync(source, { recursive: true, mode: 0o755 })
  } catch (error) {
    const why = hasCode(error, 'ENOTDIR') ? `mkdir ${source}: not a directory` : (error as Error).message
    throw invalid(`error while creating mount source path '${source}': ${why}`, { cause: error })
  }
}

/** The propagation to ask the runtime for. The source's own mount must be able to give it. */
function resolvePropagation(plan: PlannedMount, source: string, table: () => readonly MountEntry[]): string {
  const { propagation } = plan
  if (propagation === '') return propagation
  if (propagation.endsWith('private')) return propagation
  const mount = mountOf(realpathSync(source), table())
  const isShared = mount?.shared ?? false
  if (propagation.endsWith('shared')) {
    if (isShared) return propagation
    throw invalid(`path ${source} is mounted on ${mount?.mountPoint ?? '/'} but it is not a shared mount`)
  }
  if (isShared || mount?.slave) return propagation
  if (plan.propagationIsDefault) return 'rprivate'
  throw invalid(`path ${source} is mounted on ${mount?.mountPoint ?? '/'} but it is not a shared or slave mount`)
}

/** The mount that `path` is on: the deepest mount point above it, and of those the one mounted last. */
function mountOf(path: string, table: readonly MountEntry[]): MountEntry | undefined {
  let found: MountEntry | undefined
  for (const entry of table) {
    if (!isWithin(path, entry.mountPoint)) continue
    if (!found || entry.mountPoint.length >= found.mountPoint.length) found = entry
  }
  return found
}

// Files of /proc that tools such as lxcfs replace; they carry no control over the host.
const harmlessInProc = new Set(
  ['cpuinfo', 'diskstats', 'meminfo', 'stat', 'swaps', 'uptime', 'loadavg', 'slabinfo', 'net/dev'].map(
    name => `/proc/${name}`,
  ),
)

/**
 * Refuses a mount that would hide the real /proc from the runtime, which then would apply AppArmor labels and masks to a
 * fake one (CVE-2019-16884, CVE-2023-27561). Only another procfs may replace it.
 */
function checkProc(destination: string, source: string) {
  if (!isWithin(destination, '/proc')) return
  if (destination === '/proc') {
    if (source === '/proc') return
    throw invalid(`"${destination}" cannot be mounted because it is not of type proc`)
  }
  if (harmlessInProc.has(destination)) return
  throw invalid(`"${destination}" cannot be mounted because it is inside /proc`)
}
