// `gantry start`: containers that exist, attached to one of them if asked to.

import {
  actOnContainer,
  attachContainer,
  inspectContainer,
  resizeContainer,
  startContainer,
  waitContainer,
} from '../../client/containers.ts'
import { invalid } from '../../lib/errors.ts'
import { forEach } from '../each.ts'
import { type FlagValues, flag } from '../flags.ts'
import { followSize, forwardSignals, requireTerminal, runSession } from '../session.ts'
import type { Context, Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Start one or more stopped containers',
  flags: [
    flag('attach', 'bool', 'Attach STDOUT/STDERR and forward signals', 'a'),
    flag('checkpoint', 'text', 'Restore from this checkpoint'),
    flag('checkpoint-dir', 'text', 'Use a custom checkpoint storage directory'),
    flag('detach-keys', 'text', 'Override the key sequence for detaching a container'),
    flag('interactive', 'bool', "Attach container's STDIN", 'i'),
  ],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context, flags, names) {
    if (!flags.bool('attach') && !flags.bool('interactive')) {
      const checkpoint = flags.text('checkpoint')
      if (!checkpoint) return startAll(context, names)
      if (names.length > 1) throw invalid('you cannot restore multiple containers at once')
      const place = { checkpoint, 'checkpoint-dir': flags.text('checkpoint-dir') }
      await startContainer(context.client, names[0] ?? '', place)
      return 0
    }
    if (names.length > 1) throw invalid('you cannot start and attach multiple containers at once')
    return startAttached(context, flags, names[0] ?? '')
  },
}

async function startAll(context: Context, names: readonly string[]): Promise<number> {
  const failed: string[] = []
  const exitCode = await forEach(context, names, name =>
    startContainer(context.client, name).catch(error => {
      failed.push(name)
      throw error
    }),
  )
  if (failed.length > 0) context.stderr.write(`Error: failed to start containers: ${failed.join(', ')}\n`)
  return exitCode
}

async function startAttached(context: Context, flags: FlagValues, name: string): Promise<number> {
  const { client } = context
  const { Id: id, Config: config, HostConfig: host } = await inspectContainer(client, name)
  const { Tty: tty } = config
  const input = flags.bool('interactive') && config.OpenStdin
  requireTerminal(context, tty, input)
  const detachKeys = flags.text('detach-keys')
  const connection = await attachContainer(client, id, { stdin: input, stdout: true, stderr: true, detachKeys })
  const exited = await waitContainer(client, id, host.AutoRemove ? 'removed' : 'next-exit')
  using cleanup = new DisposableStack()
  if (!tty) cleanup.use(forwardSignals(signal => actOnContainer(client, id, 'kill', { signal })))
  await startContainer(client, id)
  if (tty) await followSize(context, (height, width) => resizeContainer(client, id, height, width))
  const outcome = await runSession(context, { connection, tty, input, detachKeys })
  return outcome === 'detached' ? 0 : (await exited()).StatusCode
}
