// Containers and the processes in them, over the Engine API.

import type { Duplex, Readable } from 'node:stream'
import type {
  ContainerConfig,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerSummary,
  ContainerTopResponse,
  ContainerUpdateRequest,
  ContainerUpdateResponse,
  ContainerWaitResponse,
  HostConfig,
} from '../api/types/container.ts'
import type { ContainerStats } from '../api/types/stats.ts'
import type { ExecCreateRequest, ExecCreateResponse, ExecInspect } from '../api/types/exec.ts'
import type { EndpointSettings } from '../api/types/network.ts'
import type { Client, Query } from './client.ts'

/** What to create; fields left out have their zero value. */
export interface ContainerDefinition extends Partial<ContainerConfig> {
  readonly HostConfig: Partial<HostConfig>
  readonly NetworkingConfig?: { readonly EndpointsConfig: Readonly<Record<string, Partial<EndpointSettings>>> }
}

/** Which streams to attach to, and whether to replay what was logged. */
export interface AttachQuery {
  readonly stdin?: boolean
  readonly stdout?: boolean
  readonly stderr?: boolean
  readonly logs?: boolean
  readonly detachKeys?: string
}

export interface LogsQuery {
  readonly stdout: boolean
  readonly stderr: boolean
  readonly follow?: boolean
  readonly timestamps?: boolean
  readonly since?: string
  readonly until?: string
  /** A number of lines, or `all`. */
  readonly tail?: string
  readonly details?: boolean
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed'

const pathOf = (id: string, rest = '') => `/containers/${encodeURIComponent(id)}${rest}`

/** Creates a container; the answer carries its id and warnings. */
export function createContainer(
  client: Client,
  definition: ContainerDefinition,
  query: { name?: string; platform?: string },
) {
  return client.json<ContainerCreateResponse>('POST', '/containers/create', { query, body: definition })
}

export interface StartQuery {
  readonly detachKeys?: string
  /** The name of a checkpoint to go on from, and its directory on the engine's host. */
  readonly checkpoint?: string
  readonly 'checkpoint-dir'?: string
}

/** Starts a container; one that runs already is left as it is. */
export async function startContainer(client: Client, id: string, query: StartQuery = {}): Promise<void> {
  await client.text('POST', pathOf(id, '/start'), { query: { ...query } })
}

/** A raw connection to a container's streams: frames, or the bytes of its terminal. */
export function attachContainer(client: Client, id: string, query: AttachQuery): Promise<Duplex> {
  return client.hijack('POST', pathOf(id, '/attach'), { query: { stream: true, ...query } })
}

/** Registers a wait; resolves when the engine has accepted it, to a function that waits for the answer. */
export async function waitContainer(
  client: Client,
  id: string,
  condition: WaitCondition,
): Promise<() => Promise<ContainerWaitResponse>> {
  const response = await client.request('POST', pathOf(id, '/wait'), { query: { condition } })
  return async () => {
    const chunks = await response.toArray()
    return JSON.parse(Buffer.concat(chunks).toString())
  }
}

/** Tells the size of a container's terminal, in characters. */
export async function resizeContainer(client: Client, id: string, height: number, width: number): Promise<void> {
  await client.text('POST', pathOf(id, '/resize'), { query: { h: height, w: width } })
}

/** Changes limits and the restart policy of a container; what is left out stays. */
export async function updateContainer(
  client: Client,
  id: string,
  changes: Partial<ContainerUpdateRequest>,
): Promise<ContainerUpdateResponse> {
  return await client.json('POST', pathOf(id, '/update'), { body: changes })
}

/** Runs one of the verbs that answer with nothing: stop, kill, restart, pause, unpause, rename. */
export async function actOnContainer(client: Client, id: string, verb: string, query: Query = {}): Promise<void> {
  await client.text('POST', pathOf(id, `/${verb}`), { query })
}

/** Removes a container; `v` takes its anonymous volumes along. */
export async function removeContainer(
  client: Client,
  id: string,
  query: { force?: boolean; v?: boolean; link?: boolean },
): Promise<void> {
  await client.text('DELETE', pathOf(id), { query })
}

/** Everything the engine tells of one container. */
export function inspectContainer(client: Client, id: string, size?: boolean): Promise<ContainerInspect> {
  return client.json('GET', pathOf(id, '/json'), { query: { size } })
}

/** The containers that match `filters`; stopped ones only with `all`. */
export function listContainers(
  client: Client,
  query: { all?: boolean; limit?: number; size?: boolean; filters?: Readonly<Record<string, string[]>> },
): Promise<ContainerSummary[]> {
  return client.json('GET', '/containers/json', { query })
}

/** The processes of a container, as `ps` with `psArgs` prints them. */
export function topContainer(client: Client, id: string, psArgs: string | undefined): Promise<ContainerTopResponse> {
  return client.json('GET', pathOf(id, '/top'), { query: { ps_args: psArgs } })
}

/** A container's log: frames, or plain bytes if it has a terminal. */
export function containerLogs(client: Client, id: string, query: LogsQuery): Promise<Readable> {
  return client.request('GET', pathOf(id, '/logs'), { query: { ...query } })
}

/** Empties a container's log: an operation that only Gantry has. */
export async function clearContainerLogs(client: Client, id: string): Promise<void> {
  await client.text('DELETE', pathOf(id, '/logs'))
}

/** Prepares a process in a running container; the answer carries its id. */
export function createExec(client: Client, id: string, request: Partial<ExecCreateRequest>) {
  return client.json<ExecCreateResponse>('POST', pathOf(id, '/exec'), { body: request })
}

/** Starts a prepared process with its streams on a raw connection; `size` is its terminal's, in rows and columns. */
export function attachExec(client: Client, execId: string, size: [number, number] | undefined): Promise<Duplex> {
  const terminal = size ? { Tty: true, ConsoleSize: size } : { Tty: false }
  return client.hijack('POST', `/exec/${execId}/start`, { body: { Detach: false, ...terminal } })
}

/** Starts a prepared process and leaves it alone. */
export async function startExec(client: Client, execId: string): Promise<void> {
  await client.text('POST', `/exec/${execId}/start`, { body: { Detach: true, Tty: false } })
}

/** Tells the size of a process's terminal, in characters. */
export async function resizeExec(client: Client, execId: string, height: number, width: number): Promise<void> {
  await client.text('POST', `/exec/${execId}/resize`, { query: { h: height, w: width } })
}

/** The state of a prepared process, its exit code among it. */
export function inspectExec(client: Client, execId: string): Promise<ExecInspect> {
  return client.json('GET', `/exec/${execId}/json`)
}

/** What a container uses, compared with a second before. */
export function containerStats(client: Client, id: string): Promise<ContainerStats> {
  return client.json('GET', pathOf(id, '/stats'), { query: { stream: false } })
}
