// From planned mounts to those a runtime performs: sources made or found, propagation checked, options decided.

import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { hasCode } from '../kernel/ffi.ts'
import { invalid } from '../lib/errors.ts'
import { isWithin } from '../lib/paths.ts'
import type { PlannedMount } from './mount-request.ts'
import { type MountEntry, readMountTable } from '../kernel/mount-table.ts'
import type { ResolvedMount } from './spec-mounts.ts'
import { tmpfsOptions } from './tmpfs.ts'

/** What resolving depends on. */
export interface ResolveContext {
  /** The path of a volume's data, mounted if it has to be. */
  volumePath(name: string): string | Promise<string>
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
  const source = plan.type === 'volume' ? await context.volumePath(plan.name) : bindSource(plan)
  checkProc(plan.destination, source)
  const propagation = resolvePropagation(plan, source, table)
  return { destination: plan.destination, type: 'bind', source, options: bindOptions(plan, context, propagation) }
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

function bindOptions(plan: PlannedMount, context: ResolveContext, propagation: string): string[] {
  const options = [plan.nonRecursive ? 'bind' : 'rbind']
  if (!plan.rw) {
    if (plan.readonlyDepth === 'forceRecursive' && !context.recursiveReadonly) {
      throw invalid('this host and runtime do not support recursive read-only mounts')
    }
    options.push(context.recursiveReadonly && plan.readonlyDepth !== 'topOnly' ? 'rro' : 'ro')
  }
  if (propagation) options.push(propagation)
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
  if (plan.type === 'volume' || propagation === '') return propagation
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
