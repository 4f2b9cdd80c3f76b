// `gantry exec`: another process in a running container.

import { attachExec, createExec, inspectExec, resizeExec, startExec } from '../../client/containers.ts'
import { checked, flag } from '../flags.ts'
import { checkVariable } from '../run/checks.ts'
import { followSize, requireTerminal, runSession, terminalSize } from '../session.ts'
import { readPairFiles, resolveVariables } from '../values.ts'
import { PlainFailure, type Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
  summary: 'Execute a command in a running container',
  flags: [
    flag('detach', 'bool', 'Detached mode: run command in the background', 'd'),
    flag('detach-keys', 'text', 'Override the key sequence for detaching a container'),
    checked(flag('env', 'list', 'Set environment variables', 'e'), checkVariable),
    flag('env-file', 'list', 'Read in a file of environment variables'),
    flag('interactive', 'bool', 'Keep STDIN open even if not attached', 'i'),
    flag('privileged', 'bool', 'Give extended privileges to the command'),
    flag('tty', 'bool', 'Allocate a pseudo-TTY', 't'),
    flag('user', 'text', 'Username or UID (format: <name|uid>[:<group|gid>])', 'u'),
    flag('workdir', 'text', 'Working directory inside the container', 'w'),
  ],
  operands: { min: 2, max: Number.POSITIVE_INFINITY },
  stopAtOperand: true,
  async run(context, flags, [container = '', ...command]) {
    const { client } = context
    const tty = flags.bool('tty')
    const detached = flags.bool('detach')
    const input = flags.bool('interactive') && !detached
    requireTerminal(context, tty, input)
    const { Id: id } = await createExec(client, container, {
      Cmd: command,
      Tty: tty,
      ...(tty && { ConsoleSize: terminalSize(context) }),
      AttachStdin: input,
      AttachStdout: !detached,
      AttachStderr: !detached,
      Privileged: flags.bool('privileged'),
      User: flags.text('user') ?? '',
      WorkingDir: flags.text('workdir') ?? '',
      DetachKeys: flags.text('detach-keys') ?? '',
      Env: resolveVariables([...readPairFiles(flags.list('env-file')), ...flags.list('env')], context.env),
    })
    if (detached) {
      await startExec(client, id)
      return 0
    }
    const connection = await attachExec(client, id, tty ? terminalSize(context) : undefined)
    if (tty) await followSize(context, (height, width) => resizeExec(client, id, height, width))
    const outcome = await runSession(context, { connection, tty, input, detachKeys: flags.text('detach-keys') })
    if (outcome === 'detached') throw new PlainFailure('read escape sequence')
    return (await inspectExec(client, id)).ExitCode ?? 0
  },
}
