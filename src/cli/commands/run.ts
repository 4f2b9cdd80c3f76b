// `gantry run`: create, attach, start, and end as the container does.

import { existsSync, writeFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import {
  actOnContainer,
  attachContainer,
  type ContainerDefinition,
  resizeContainer,
  startContainer,
  waitContainer,
} from '../../client/containers.ts'
import { invalid, messageOf } from '../../lib/errors.ts'
import type { FlagValues } from '../flags.ts'
import { buildDefinition } from '../run/definition.ts'
import { createFlags, runFlags } from '../run/flags.ts'
import { checkPull, createWithImage } from '../run/pull.ts'
import { followSize, forwardSignals, requireTerminal, runSession, terminalSize } from '../session.ts'
import { type Context, PlainFailure, type Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  summary: 'Create and run a new container from an image',
  flags: [...createFlags, ...runFlags],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  stopAtOperand: true,
  failure: { exitCode: 125, named: true },
  async run(context, flags, [image = '', ...args]) {
    if (flags.bool('detach') && flags.list('attach').length > 0) {
      throw new PlainFailure('conflicting options: cannot specify both --attach and --detach')
    }
    const definition = buildDefinition(flags, image, args, context.env)
    requireTerminal(context, definition.Tty ?? false, definition.AttachStdin ?? false)
    const id = await create(context, flags, definition)
    if (flags.bool('detach')) {
      await startContainer(context.client, id)
      context.stdout.write(`${id}\n`)
      return 0
    }
    return runAttached(context, flags, definition, id)
  },
}

/** Creates the container, shows the engine's warnings and writes the --cidfile. Returns the id. */
export async function create(context: Context, flags: FlagValues, definition: ContainerDefinition): Promise<string> {
  const cidFile = flags.text('cidfile')
  checkPull(flags)
  if (cidFile && existsSync(cidFile)) {
    throw invalid(`container ID file found, make sure the other container isn't running or delete ${cidFile}`)
  }
  if (definition.Tty) definition.HostConfig.ConsoleSize = terminalSize(context)
  const { Id: id, Warnings: warnings } = await createWithImage(context, flags, definition)
  for (const warning of warnings ?? []) context.stderr.write(`WARNING: ${warning}\n`)
  if (cidFile) writeIdFile(cidFile, id)
  return id
}

function writeIdFile(path: string, id: string) {
  try {
    writeFileSync(path, id, { flag: 'wx' })
  } catch (error) {
    throw invalid(`failed to write the container ID to the file: ${messageOf(error)}`, { cause: error })
  }
}

async function runAttached(context: Context, flags: FlagValues, definition: ContainerDefinition, id: string) {
  const { client } = context
  const tty = definition.Tty ?? false
  // Attached and waited for before it starts, so that nothing it does is missed.
  const connection = await attach(context, flags, definition, id)
  const exited = await waitContainer(client, id, definition.HostConfig.AutoRemove ? 'removed' : 'next-exit')
  using cleanup = new DisposableStack()
  if (proxies(flags)) cleanup.use(forwardSignals(signal => actOnContainer(client, id, 'kill', { signal })))
  try {
    await startContainer(client, id)
  } catch (error) {
    connection?.destroy()
    if (definition.HostConfig.AutoRemove) await exited()
    return failedStart(context, error)
  }
  if (tty) await followSize(context, (height, width) => resizeContainer(client, id, height, width))
  if (connection) {
    const input = definition.AttachStdin ?? false
    const outcome = await runSession(context, { connection, tty, input, detachKeys: flags.text('detach-keys') })
    if (outcome === 'detached') return 0
  }
  const { StatusCode: status, Error: failure } = await exited()
  if (failure?.Message) context.stderr.write(`Error waiting for container: ${failure.Message}\n`)
  return status
}

const proxies = (flags: FlagValues) => !flags.has('sig-proxy') || flags.bool('sig-proxy')

async function attach(context: Context, flags: FlagValues, definition: ContainerDefinition, id: string) {
  const { AttachStdin: stdin, AttachStdout: stdout, AttachStderr: stderr } = definition
  if (!stdin && !stdout && !stderr) return undefined
  const query = { stdin, stdout, stderr, detachKeys: flags.text('detach-keys') }
  const connection: Duplex = await attachContainer(context.client, id, query)
  return connection
}

/** Tells why a container did not start; the exit code is a shell's for a command not found or not executable. */
function failedStart(context: Context, error: unknown): number {
  const message = messageOf(error)
  context.stderr.write(
    `gantry: Error response from daemon: ${message}\n\nRun 'gantry run --help' for more information\n`,
  )
  if (/executable file not found|no such file or directory/.test(message)) return 127
  return /permission denied|is a directory/.test(message) ? 126 : 125
}
