// What a shim is started with, and how that becomes its command line.

import type { Fd } from '../kernel/descriptor.ts'
import { type AttachFlags, attachBits } from './shim-protocol.ts'

/** How many clients a shim takes at its start: START_CLIENTS in shim/options.h. */
export const mostStartClients = 240

/** Where and how a container's output is logged, in Docker's json-file format. */
export interface ShimLog {
  readonly path: string
  /** Bytes after which a new file is begun; unlimited if absent. */
  readonly maxSize?: number
  /** How many files are kept, the current one included; 1 if absent. */
  readonly maxFiles?: number
  /** Added to every entry as `attrs`. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** Everything a shim needs to hold one container, or one process exec'd in one. Descriptors stay the caller's. */
export interface ShimOptions {
  readonly mode: 'run' | 'exec'
  /** Of the shim: the container's bundle, or the exec's own directory. shim.sock, pid and runtime.log are made in it. */
  readonly runDir: string
  /** The container's id, as the runtime knows it. */
  readonly id: string
  /** The OCI runtime's program. */
  readonly runtime: string
  /** The directory of the runtime's own state. */
  readonly runtimeRoot: string
  /** Further global arguments, such as `--systemd-cgroup`. */
  readonly runtimeArguments?: readonly string[]
  /** For an exec: the file with its OCI process. */
  readonly process?: string
  /** Directory of a checkpoint's images: the container goes on from there. CRIU's log is then restore.log in runDir. */
  readonly restore?: string
  /** Where the exit is recorded; without it, only a connected daemon learns of it. */
  readonly exitRecord?: string
  readonly log?: ShimLog
  readonly tty?: boolean
  /** Keep stdin open for clients to attach; otherwise it is /dev/null. */
  readonly openStdin?: boolean
  /** The terminal's first size. */
  readonly size?: { readonly rows: number; readonly columns: number }
  /** cgroup files that count OOM kills: memory.events (v2) or memory.oom_control (v1). */
  readonly oomSources?: readonly string[]
  /** oom_score_adj of the shim itself; the container's is in its spec. */
  readonly oomScore?: number
  /** On a host with both cgroup versions: let the runtime see only v1. */
  readonly hideUnifiedCgroup?: boolean
  /** A detached mount: becomes <run dir>/rootfs, for the shim and its container only. */
  readonly rootfs?: Fd
  /** Becomes <run dir>/netns. */
  readonly networkNamespace?: Fd
  /** Detached mounts, for the shim and its container only; each at its path in the run dir, which must be there. */
  readonly mounts?: readonly PlacedMount[]
  /** The mount namespace of another shim and a path in it: a copy of that mount becomes <run dir>/shm. */
  readonly joinedShm?: { readonly namespace: Fd; readonly path: string }
  /** Sockets to keep open as long as the container runs. */
  readonly reservations?: readonly Fd[]
  /** Clients that are attached before the container starts, and so see its first byte; at most mostStartClients. */
  readonly attach?: readonly AttachFlags[]
}

/** A detached mount and where it goes, relative to the run dir. */
export interface PlacedMount {
  readonly tree: Fd
  readonly path: string
}

/** A shim's command line, descriptors and environment. */
export interface ShimCommand {
  readonly arguments: readonly string[]
  readonly fds: ReadonlyMap<number, Fd>
  readonly env: Readonly<Record<string, string>>
}

/** Descriptors for the shim, made for one launch. */
export interface ShimDescriptors {
  /** Held by the shim as long as it lives. */
  readonly lock: Fd
  readonly control: Fd
  /** One for each of `options.attach`. */
  readonly attached: readonly Fd[]
}

/** The command that starts a shim. Descriptors are numbered from 3 in the shim. */
export function shimCommand(options: ShimOptions, own: ShimDescriptors): ShimCommand {
  const fds = new Map<number, Fd>()
  const pass = (fd: Fd): string => {
    const number = 3 + fds.size
    fds.set(number, fd)
    return String(number)
  }
  // It need not know of it.
  pass(own.lock)
  return {
    arguments: [...settings(options), ...descriptors(options, own, pass)],
    fds,
    env: environment(options.log),
  }
}

function settings(options: ShimOptions): string[] {
  const { log, size } = options
  const named: [string, string | number | undefined][] = [
    ['--mode', options.mode],
    ['--run-dir', options.runDir],
    ['--id', options.id],
    ['--runtime', options.runtime],
    ['--runtime-root', options.runtimeRoot],
    ['--process', options.process],
    ['--restore', options.restore],
    ['--exit-record', options.exitRecord],
    ['--log', log?.path],
    ['--log-max-size', log?.maxSize],
    ['--log-max-file', log?.maxFiles],
    ['--rows', size?.rows],
    ['--columns', size?.columns],
    ['--oom-score', options.oomScore],
    ...(options.runtimeArguments ?? []).map((value): [string, string] => ['--runtime-argument', value]),
    ...(options.oomSources ?? []).map((value): [string, string] => ['--oom-source', value]),
  ]
  return [...named.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)])), ...flags(options)]
}

function flags({ tty, openStdin, hideUnifiedCgroup }: ShimOptions): string[] {
  return [
    ...(tty ? ['--tty'] : []),
    ...(openStdin ? ['--stdin'] : []),
    ...(hideUnifiedCgroup ? ['--hide-unified-cgroup'] : []),
  ]
}

function descriptors(options: ShimOptions, own: ShimDescriptors, pass: (fd: Fd) => string): string[] {
  const { rootfs, networkNamespace, mounts = [], joinedShm, reservations = [], attach = [] } = options
  return [
    ...(rootfs ? ['--rootfs-fd', pass(rootfs)] : []),
    ...(networkNamespace ? ['--netns-fd', pass(networkNamespace)] : []),
    ...mounts.flatMap(({ tree, path }) => ['--mount-fd', `${pass(tree)}:${path}`]),
    ...(joinedShm ? ['--join-shm', `${pass(joinedShm.namespace)}:${joinedShm.path}`] : []),
    ...reservations.flatMap(fd => ['--reservation-fd', pass(fd)]),
    '--control-fd',
    pass(own.control),
    ...own.attached.flatMap((fd, index) => ['--attach-fd', `${pass(fd)}:${attachBits(attach[index] ?? {})}`]),
  ]
}

// Attributes may hold values of the container's environment: unlike a command line, only root can read an environment.
function environment(log: ShimLog | undefined): Record<string, string> {
  const path = process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  if (!log?.attributes || Object.keys(log.attributes).length === 0) return { PATH: path }
  return { PATH: path, GANTRY_LOG_ATTRIBUTES: goJson(log.attributes) }
}

// Go escapes what HTML and JavaScript would misread, and sorts the keys of a map.
function goJson(values: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(values).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return JSON.stringify(Object.fromEntries(sorted)).replace(
    /[<>&\u2028\u2029]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
