// What a container is: the definition that create decided, its state, and what is held while it lives.

import type { Duplex } from 'node:stream'
import type { ContainerConfig, Health, HostConfig } from '../api/types/container.ts'
import type { EndpointSettings } from '../api/types/network.ts'
import type { ExecCreateRequest } from '../api/types/exec.ts'
import { parseTime, zeroTime } from '../lib/clock.ts'
import type { Digest } from '../oci/digest.ts'
import { Notice } from '../lib/notice.ts'
import type { DetachKeys } from './detach-keys.ts'
import type { Endpoint, PublishedPort } from '../network/types.ts'
import type { AttachFlags, ShimConnection } from '../runtime/shim.ts'
import type { PlannedMount } from '../runtime/mount-request.ts'
import type { Fd } from '../kernel/descriptor.ts'
import type { StorageLimit } from './storage/projects.ts'
import type { TreeView } from '../kernel/tree-view.ts'

/** What create decided, from the request and the image. Only rename and update change any of it. */
export interface Definition {
  readonly id: string
  /** RFC 3339 with nanoseconds. */
  readonly created: string
  readonly imageId: Digest
  /** ChainID of the image's uppermost layer; none for an image without layers. */
  readonly topLayer: Digest | undefined
  readonly platform: string
  /** The request's Config with the image's defaults merged in. */
  readonly config: ContainerConfig
  readonly hostConfig: HostConfig
  readonly endpoints: Readonly<Record<string, EndpointSettings>>
  readonly mounts: readonly PlannedMount[]
  /** Names of the volumes made for this container alone. */
  readonly anonymousVolumes: readonly string[]
  /** Entrypoint and command as one argument vector, never empty. */
  readonly argv: readonly string[]
  /** Of the container's own layer; absent if it may take what it wants. */
  readonly storage?: StorageLimit
}

/**
 * Where a container is in its life: `paused` is a running one whose processes are frozen, `restarting` one that its
 * restart policy is about to start again.
 */
export type Phase = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing' | 'dead'

/** The part of a container that changes as it lives, as the database keeps it. */
export interface State {
  phase: Phase
  /** Of the container's init on the host; 0 unless running. */
  pid: number
  exitCode: number
  /** The sentence of the last failed start. */
  error: string
  oomKilled: boolean
  /** RFC 3339, Go's zero time where it has not happened. */
  startedAt: string
  finishedAt: string
  restartCount: number
  /** True after stop or kill: `unless-stopped` leaves it alone then, also when the daemon starts. */
  stoppedByUser: boolean
  /** What the network gave, while running. */
  sandbox?: Sandbox
  /** Limits that an update was about to set: the kernel may have some of them, and not those of the definition. */
  changing?: Limits
  /** What its health check has shown; absent before the first start of one that has a check. */
  health?: Health
}

/** What of a HostConfig an update changes in the kernel. */
export type Limits = Pick<
  HostConfig,
  | 'BlkioWeight'
  | 'CpuShares'
  | 'NanoCpus'
  | 'CpuPeriod'
  | 'CpuQuota'
  | 'CpusetCpus'
  | 'CpusetMems'
  | 'Memory'
  | 'MemorySwap'
  | 'MemoryReservation'
  | 'CpuRealtimePeriod'
  | 'CpuRealtimeRuntime'
  | 'PidsLimit'
>

/** A running container's place in the network. */
export interface Sandbox {
  readonly endpoint: Endpoint | undefined
  readonly ports: readonly PublishedPort[]
}

/** How a container's life ended. */
export interface Exit {
  readonly code: number
  readonly oomKilled: boolean
  readonly error: string
}

/** What the daemon holds of a running container. */
export interface Live {
  readonly shim: ShimConnection
  /** The process that holds the container's mounts. */
  readonly shimPid: number
  /** Of the container's first process; undefined if it had ended before it could be opened. */
  readonly pidfd: Fd | undefined
  /** Resolves when the shim is gone, and with it the container's mounts, network namespace and ports. */
  readonly ended: Promise<unknown>
  /** Its volumes, which are mounted as long as this is not disposed of. */
  readonly volumes: Disposable
  /** How many operations need it frozen at this moment. */
  freezes: number
}

/** Someone who attached before start, to be joined to the streams before the first byte. */
export interface EarlyAttach {
  readonly flags: AttachFlags
  /** Called with the streams, or with undefined if they will never be. */
  readonly take: (streams: Duplex | undefined) => void
}

/** Rows and columns of a terminal. */
export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/** A process that was asked for, its run and its end. */
export interface Exec {
  readonly id: string
  readonly container: Container
  readonly request: ExecCreateRequest
  readonly detachKeys: DetachKeys
  phase: 'created' | 'running' | 'ended'
  pid: number
  exitCode: number | null
  /** True for a probe of the health check: nobody asks for it once it has ended, or its daemon. */
  readonly isProbe: boolean
  /** Its exit code, once it has ended or could not start. */
  readonly ended: PromiseWithResolvers<number>
  shim: ShimConnection | undefined
  /** Of its terminal, to be had from the start. */
  size: TerminalSize | undefined
}

/** The state of a container that was never started. */
export function freshState(): State {
  return {
    phase: 'created',
    pid: 0,
    exitCode: 0,
    error: '',
    oomKilled: false,
    startedAt: zeroTime,
    finishedAt: zeroTime,
    restartCount: 0,
    stoppedByUser: false,
  }
}

/** A container the daemon knows. */
export class Container {
  readonly id: string
  /** Nanoseconds since the epoch: the text has no fixed length, so it doesn't sort. */
  readonly createdAt: bigint
  name: string
  definition: Definition
  state: State
  live: Live | undefined
  readonly early = new Set<EarlyAttach>()
  readonly execs = new Map<string, Exec>()
  /** Where its files are mounted for someone who copies them: whoever mounts them as well has to share that mount. */
  readonly views = new Set<TreeView & { /** Ends it, whoever uses it. */ end(): Promise<void> }>()
  /** Told at each exit, once the state says so. */
  readonly exited = new Notice<Exit>()
  /** Told when the container is no more. */
  readonly removed = new Notice<Exit>()
  /** How many requests to restart have it in hand: while there are any, its exit is not its end. */
  restarts = 0
  /** True once someone asked for its end since it was last started: its restart policy leaves it alone then. */
  endAsked = false
  /** The start that is under way; aborting it gives it up. */
  attempt: AbortController | undefined
  /** Milliseconds that its restart policy waited the last time. */
  lastPause = 0
  /** The restart policy's next attempt. */
  nextAttempt: NodeJS.Timeout | undefined

  constructor(name: string, definition: Definition, state: State) {
    this.id = definition.id
    this.createdAt = parseTime(definition.created) ?? 0n
    this.name = name
    this.definition = definition
    this.state = state
  }

  /** True if it has processes. */
  get isRunning(): boolean {
    return this.state.phase === 'running' || this.state.phase === 'paused'
  }

  /** What the Engine API calls running: also the time between two attempts of a restart policy. */
  get isActive(): boolean {
    return this.isRunning || this.state.phase === 'restarting'
  }
}
