// POST /containers/{id}/attach: a client's connection joined to the container's streams, before or after it starts.

import type { Duplex } from 'node:stream'
import { conflict } from '../lib/errors.ts'
import { join } from '../lib/join.ts'
import { type DetachKeys, detaching } from './detach-keys.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { logPath } from './log-config.ts'
import { openLog, writeLogs } from './logs.ts'
import type { Container } from './model.ts'

/** Which streams to join, and whether what was logged before comes first. */
export interface AttachOptions {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  /** Join the live streams; false shows only the logs. */
  readonly stream: boolean
  readonly logs: boolean
  readonly detachKeys: DetachKeys
}

/** Throws dockerd's conflicts, in which it is called `name`, for a container that can't be attached to. */
export function checkAttach({ state }: Container, name: string): void {
  if (state.phase === 'paused') {
    throw conflict(`container ${name} is paused, unpause the container before attach`)
  }
  if (state.phase === 'restarting') {
    throw conflict(`container ${name} is restarting, wait until the container is running`)
  }
}

/** Serves one attached client until the container's streams end or the client leaves. */
export async function attach(
  engine: Pick<Engine, 'settings' | 'events' | 'containers'>,
  container: Container,
  options: AttachOptions,
  client: Duplex,
  signal: AbortSignal,
): Promise<void> {
  containerEvent(engine, container, 'attach')
  if (!options.stdin && !options.stdout && !options.stderr) return void client.end()
  const joining = options.stream ? connect(container, options, signal) : undefined
  // Joined before the logs are shown, so that nothing falls between the two.
  if (container.live) await joining
  if (options.logs) {
    const all = {
      since: undefined,
      until: undefined,
      tail: undefined,
      follow: false,
      timestamps: false,
      details: false,
    }
    const path = logPath(engine.settings, container)
    const query = { ...options, ...all }
    await writeLogs(container, path, query, await openLog(engine, container, path, query), client, signal)
  }
  const far = await joining
  if (!far) return void client.end()
  const { OpenStdin, StdinOnce, Tty: tty } = container.definition.config
  const input = options.stdin && OpenStdin
  // As with Docker, the end of input that doesn't end the container's stdin ends the attachment.
  const how = { input, endsWithInput: tty || !StdinOnce }
  if (!input || !tty) return join(client, far, how)
  const terminal = detaching(client, options.detachKeys)
  await join(terminal, far, how)
  if (terminal.detached) containerEvent(engine, container, 'detach')
}

// The container's streams: at once if it runs, else when it starts. Undefined if that will not be, or it is just ending.
async function connect(container: Container, options: AttachOptions, signal: AbortSignal): Promise<Duplex | undefined> {
  const { stdin, stdout, stderr } = options
  const flags = { stdin, stdout, stderr, closesStdin: container.definition.config.StdinOnce === true }
  if (container.live) return container.live.shim.attach(flags).catch(() => undefined)
  const { promise, resolve: take } = Promise.withResolvers<Duplex | undefined>()
  if (signal.aborted) return undefined
  const early = { flags, take }
  const leave = () => {
    if (container.early.delete(early)) take(undefined)
  }
  container.early.add(early)
  signal.addEventListener('abort', leave)
  const streams = await promise
  signal.removeEventListener('abort', leave)
  return streams
}

/** Tells those who wait for a container's start that there will be none. */
export function dismissEarly(container: Container): void {
  for (const { take } of container.early) take(undefined)
  container.early.clear()
}
