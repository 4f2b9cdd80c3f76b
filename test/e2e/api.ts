// The Engine API as a program speaks it, without the CLI: requests, and connections taken over for streams.

import { once } from 'node:events'
import { request } from 'node:http'
import { type Socket, connect } from 'node:net'

import type { Engine } from '../kit/engine.ts'

/** An answer: `body` is the JSON in it, or undefined. */
export interface Answer {
  readonly status: number
  readonly text: string
  readonly body: unknown
}

const usual = 'v1.41'

/** One request on a connection of its own. */
export async function call(
  engine: Engine,
  method: string,
  path: string,
  body?: unknown,
  version: string = usual,
): Promise<Answer> {
  const data = body === undefined ? '' : JSON.stringify(body)
  const headers = data === '' ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(data) }
  const sent = request({ socketPath: engine.socket, agent: false, method, path: `/${version}${path}`, headers })
  sent.end(data)
  const [answer] = await once(sent, 'response')
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += chunk
  return { status: answer.statusCode, text, body: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** As `call`, but must succeed; returns the JSON. */
export async function ask<T>(
  engine: Engine,
  method: string,
  path: string,
  body?: unknown,
  version?: string,
): Promise<T> {
  const { status, text, body: value } = await call(engine, method, path, body, version)
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`)
  return value as T
}

/** The sentence of an error. */
export const messageOf = ({ body }: Answer): string => (body as { message: string }).message

/** Creates a container of busybox; returns its id. */
export async function create(engine: Engine, name: string, body: object): Promise<string> {
  const { Id } = await ask<{ Id: string }>(engine, 'POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    HostConfig: {},
    ...body,
  })
  return Id
}

export const start = (engine: Engine, name: string) => ask(engine, 'POST', `/containers/${name}/start`)
export const remove = (engine: Engine, name: string) => ask(engine, 'DELETE', `/containers/${name}?force=1&v=1`)

export interface State {
  readonly Status: string
  readonly Running: boolean
  readonly Restarting: boolean
  readonly ExitCode: number
  readonly Pid: number
  readonly Error: string
}

export interface Inspect {
  readonly Id: string
  readonly Name: string
  readonly State: State
  readonly RestartCount: number
  readonly ExecIDs: string[] | null
  readonly Config: Record<string, unknown>
  readonly HostConfig: Record<string, unknown>
  readonly Mounts: readonly { Name: string }[]
  readonly NetworkSettings: { Networks: Record<string, unknown> }
}

export const inspect = (engine: Engine, name: string) => ask<Inspect>(engine, 'GET', `/containers/${name}/json`)

export interface Health {
  readonly Status: string
  readonly FailingStreak: number
  readonly Log: readonly { ExitCode: number; Output: string }[]
}

/** What a container's health check has shown; it must have one. */
export async function healthOf(engine: Engine, name: string): Promise<Health> {
  const { State } = await ask<{ State: { Health: Health } }>(engine, 'GET', `/containers/${name}/json`)
  return State.Health
}

/** A connection that was taken over. */
export interface Taken {
  readonly socket: Socket
  /** The status line. */
  readonly status: string
  /** What has come so far. */
  soFar(): string
  /** Everything that comes until the engine ends; rejects after `timeout` ms. */
  rest(timeout?: number): Promise<string>
}

/** Takes a connection over for a stream of raw bytes. */
export async function take(engine: Engine, path: string, body?: unknown): Promise<Taken> {
  const socket = connect({ path: engine.socket, allowHalfOpen: true })
  const data = body === undefined ? '' : JSON.stringify(body)
  const lines = [
    `POST /${usual}${path} HTTP/1.1`,
    'Host: engine',
    'Connection: Upgrade',
    'Upgrade: tcp',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(data)}`,
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n${data}`)
  let received = ''
  let ended = false
  socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk))
  socket.once('end', () => (ended = true)).on('error', () => {})
  while (!received.includes('\r\n\r\n')) await Promise.race([once(socket, 'data'), once(socket, 'close')])
  const head = received.indexOf('\r\n\r\n')
  const soFar = () => received.slice(head + 4)
  const rest = async (timeout = 10_000) => {
    try {
      if (!ended) await once(socket, 'end', { signal: AbortSignal.timeout(timeout) })
    } finally {
      socket.destroy()
    }
    return soFar()
  }
  return { socket, status: received.slice(0, received.indexOf('\r\n')), soFar, rest }
}

/** Joins the payloads of Docker's frames, by stream: 1 stdout, 2 stderr. */
export function unframed(text: string): { stdout: string; stderr: string } {
  const bytes = Buffer.from(text, 'latin1')
  const output = { stdout: '', stderr: '' }
  for (let at = 0; at < bytes.length; ) {
    const end = at + 8 + bytes.readUInt32BE(at + 4)
    output[bytes[at] === 2 ? 'stderr' : 'stdout'] += bytes.toString('utf8', at + 8, end)
    at = end
  }
  return output
}
