// One attached process: its output to ours, our input to it, its terminal as ours.

import type { Duplex } from 'node:stream'
import { copy, demultiplex } from '../client/streams.ts'
import { DetachFilter, parseDetachKeys } from './detach-keys.ts'
import { type Context, PlainFailure } from './verb.ts'

export interface SessionOptions {
  readonly connection: Duplex
  readonly tty: boolean
  /** Whether our standard input goes to the process. */
  readonly input: boolean
  readonly detachKeys: string | undefined
}

/** Throws if a terminal is asked for and our standard input is none. */
export function requireTerminal(context: Context, tty: boolean, input: boolean): void {
  if (tty && input && !context.stdin.isTTY) throw new PlainFailure('the input device is not a TTY')
}

/** Copies until the process's output ends or the user detaches. Leaves the terminal as it was. */
export async function runSession(context: Context, options: SessionOptions): Promise<'ended' | 'detached'> {
  const { connection, tty, input } = options
  using cleanup = new DisposableStack()
  if (tty && input) cleanup.use(await rawTerminal(context))
  const output = tty ? copy(connection, context.stdout) : demultiplex(connection, context.stdout, context.stderr)
  const ended = output.then(() => 'ended' as const)
  if (!input) return ended
  const outcome = await Promise.race([ended, feed(context, options)])
  context.stdin.pause()
  if (outcome === 'detached') {
    connection.destroy()
    // The connection is gone on purpose.
    await ended.catch(() => undefined)
  }
  return outcome
}

async function rawTerminal(context: Context): Promise<Disposable> {
  context.stdin.setRawMode?.(true)
  // Node's raw mode leaves output processing on: every line the container's terminal ends would be ended twice.
  const { spawnSync } = await import('node:child_process')
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
  return { [Symbol.dispose]: () => void context.stdin.setRawMode?.(false) }
}

/** Sends our input; resolves only when the detach keys were typed. At its end the process's input ends too. */
function feed(context: Context, { connection, tty, detachKeys }: SessionOptions): Promise<'detached'> {
  const filter = tty ? new DetachFilter(parseDetachKeys(detachKeys)) : undefined
  const { promise, resolve } = Promise.withResolvers<'detached'>()
  context.stdin.on('data', (chunk: Buffer) => {
    const { pass, detached } = filter?.feed(chunk) ?? { pass: chunk, detached: false }
    if (pass.length > 0 && !connection.write(pass)) context.stdin.pause()
    if (detached) resolve('detached')
  })
  connection.on('drain', () => context.stdin.resume())
  context.stdin.on('end', () => connection.end())
  // The process may close its input before we do; its output goes on.
  connection.on('error', () => context.stdin.pause())
  return promise
}

/** Keeps the process's terminal as large as ours; `resize` takes height and width in characters. */
export async function followSize(
  context: Context,
  resize: (height: number, width: number) => Promise<void>,
): Promise<void> {
  const { stdout } = context
  if (!stdout.isTTY) return
  const send = async () => {
    const [height, width] = terminalSize(context)
    // A process that has just ended has no terminal to resize.
    if (height > 0) await resize(height, width).catch(() => undefined)
  }
  stdout.on('resize', () => void send())
  await send()
}

/** Height and width of our terminal in characters; zeros if there is none. */
export function terminalSize({ stdout }: Context): [number, number] {
  return [stdout.rows ?? 0, stdout.columns ?? 0]
}

const forwarded = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT'] as const

/** Passes the signals we get on to the process, until disposed of. */
export function forwardSignals(send: (signal: string) => Promise<void>): Disposable {
  // A process that has just ended takes no signals.
  const forward = (signal: string) => void send(signal).catch(() => undefined)
  for (const signal of forwarded) process.on(signal, forward)
  return {
    [Symbol.dispose]() {
      for (const signal of forwarded) process.off(signal, forward)
    },
  }
}
