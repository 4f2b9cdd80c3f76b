// Which of the installed OCI runtimes works on this host: each runs a tiny container, and the fastest is taken.

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../lib/errors.ts'
import { formatSpec } from '../oci/runtime-spec.ts'
import { type CgroupLayout, detectCgroups } from './cgroup-layout.ts'
import { Cgroup } from './cgroup.ts'
import type { HostFacts } from './host.ts'
import { probeSpec } from './probe-spec.ts'
import { escapeWarnings, parseVersion } from './runtime-version.ts'

const run = promisify(execFile)

/** A runtime to try. */
export interface RuntimeCandidate {
  /** The name users give with `--runtime`. */
  name: string
  /** Absolute, or a name to look up in PATH. */
  path: string
  /** Arguments before the verb. */
  args?: readonly string[]
}

/** What trying it showed. */
export interface ProbedRuntime {
  name: string
  /** Absolute; as given if it isn't installed. */
  path: string
  args: readonly string[]
  /** As it prints it; empty if it couldn't be asked. */
  version: string
  works: boolean
  /** Why it doesn't work, in its own words; empty if it does. */
  reason: string
  warnings: string[]
  /** Binds can be made read-only with all that is mounted below them. */
  recursiveReadonly: boolean
  /** How long a container took that does nothing. */
  millis: number
}

/** Keeps results between daemon starts; the key changes with the runtime's file, the kernel and the cgroup layout. */
export interface ProbeCache {
  get(key: string): string | undefined
  set(key: string, value: string): void
}

export interface ProbeOptions {
  /** The engine's own init, which is static: the container's only file. */
  initPath: string
  /** A directory for bundles; what is made there is removed again. */
  scratch: string
  /** Below which cgroup the containers run, such as `/gantry`. */
  cgroupParent: string
  host: HostFacts
  cache: ProbeCache
}

/** crun and runc, as distributions install them. */
export const knownRuntimes: readonly RuntimeCandidate[] = [
  { name: 'crun', path: 'crun' },
  { name: 'runc', path: 'runc' },
]

/** Probes the candidates one after the other, or remembers what an earlier probe found. Never throws for a bad one. */
export async function probeRuntimes(
  candidates: readonly RuntimeCandidate[],
  options: ProbeOptions,
): Promise<ProbedRuntime[]> {
  const layout = detectCgroups()
  const results: ProbedRuntime[] = []
  for (const candidate of candidates) results.push(await probeCached(candidate, layout, options))
  new Cgroup(layout, options.cgroupParent).removeIfEmpty()
  return results
}

/**
 * The runtime to use by default: the first that works, crun before runc, unless another takes less than half its time. One
 * measurement on a busy machine must not change what containers run on. Undefined if none works.
 */
export function fastestRuntime(probed: readonly ProbedRuntime[]): ProbedRuntime | undefined {
  const [first, ...others] = probed.filter(({ works }) => works)
  const faster = others.filter(({ millis }) => first !== undefined && millis * 2 < first.millis)
  return faster.toSorted((a, b) => a.millis - b.millis)[0] ?? first
}

async function probeCached(
  candidate: RuntimeCandidate,
  layout: CgroupLayout,
  options: ProbeOptions,
): Promise<ProbedRuntime> {
  const path = await locate(candidate.path)
  if (path === undefined) return failed(candidate, 'it is not installed')
  const { size, mtimeMs, ino } = await stat(path)
  const host = [release(), layout.version, layout.hybrid]
  const key = `runtime ${JSON.stringify([path, candidate.args ?? [], size, mtimeMs, ino, ...host])}`
  const kept = options.cache.get(key)
  if (kept !== undefined) return { ...(JSON.parse(kept) as ProbedRuntime), name: candidate.name }
  const result = await probe({ ...candidate, path }, layout, options)
  // What doesn't work may have been repaired by the next start, so only success is worth keeping.
  if (result.works) options.cache.set(key, JSON.stringify(result))
  return result
}

async function locate(path: string): Promise<string | undefined> {
  const directories = path.startsWith('/') ? [''] : (process.env.PATH ?? '').split(':').filter(Boolean)
  for (const directory of [...directories, ...(path.startsWith('/') ? [] : ['/usr/sbin', '/usr/local/sbin'])]) {
    const full = directory === '' ? path : join(directory, path)
    const found = await stat(full).catch(() => undefined)
    if (found?.isFile()) return full
  }
  return undefined
}

const failed = (candidate: RuntimeCandidate, reason: string, version = ''): ProbedRuntime => ({
  name: candidate.name,
  path: candidate.path,
  args: candidate.args ?? [],
  version,
  works: false,
  reason,
  warnings: [],
  recursiveReadonly: false,
  millis: 0,
})

async function probe(candidate: RuntimeCandidate, layout: CgroupLayout, options: ProbeOptions): Promise<ProbedRuntime> {
  let version = ''
  try {
    const { stdout } = await run(candidate.path, [...(candidate.args ?? []), '--version'], { timeout: 10_000 })
    version = parseVersion(stdout)
    const first = await runContainer(candidate, layout, options, false)
    const second = await runContainer(candidate, layout, options, false)
    return {
      ...failed(candidate, '', version),
      works: true,
      warnings: escapeWarnings(candidate.name, version),
      recursiveReadonly: await runContainer(candidate, layout, options, true).then(
        () => true,
        () => false,
      ),
      millis: Math.min(first, second),
    }
  } catch (error) {
    return failed(candidate, reasonOf(error), version)
  }
}

/** Runs the container and returns the milliseconds it took. Leaves nothing behind, whatever happens. */
async function runContainer(
  candidate: RuntimeCandidate,
  layout: CgroupLayout,
  options: ProbeOptions,
  recursiveReadonly: boolean,
): Promise<number> {
  const id = `probe-${randomBytes(8).toString('hex')}`
  await using stack = new AsyncDisposableStack()
  const bundle = join(options.scratch, id)
  await mkdir(join(bundle, 'rootfs'), { recursive: true })
  stack.defer(() => rm(bundle, { recursive: true, force: true }))
  const cgroup = new Cgroup(layout, join(options.cgroupParent, id))
  stack.defer(async () => {
    await cgroup.kill()
    await cgroup.remove()
  })
  await copyFile(options.initPath, join(bundle, 'rootfs/init'))
  const spec = probeSpec({
    rootfsPath: join(bundle, 'rootfs'),
    cgroupsPath: cgroup.path,
    host: options.host,
    ...(recursiveReadonly && { recursiveReadonly: bundle }),
  })
  await writeFile(join(bundle, 'config.json'), formatSpec(spec))
  const command = [
    candidate.path,
    ...(candidate.args ?? []),
    '--root',
    join(bundle, 'state'),
    'run',
    '--bundle',
    bundle,
    id,
  ]
  const started = performance.now()
  await inOwnMounts(command, layout)
  return performance.now() - started
}

// A runtime is started in a mount namespace of its own. On a hybrid host the cgroup2 mount is detached there, as the shim
// does too: crun before 1.31 takes such a host for something it isn't, and fails.
async function inOwnMounts(command: readonly string[], layout: CgroupLayout) {
  const script = layout.hybrid ? 'umount -l /sys/fs/cgroup/unified && exec "$@"' : 'exec "$@"'
  await run('unshare', ['--mount', 'sh', '-c', script, 'sh', ...command], { timeout: 10_000 })
}

function reasonOf(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  const text = stderr || messageOf(error).trim()
  return text.split('\n').at(-1)?.slice(0, 500) ?? ''
}
