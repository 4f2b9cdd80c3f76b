// `gantry attach`: our terminal on a running container.

import {
  actOnContainer,
  attachContainer,
  inspectContainer,
  resizeContainer,
  waitContainer,
} from '../../client/containers.ts'
import { conflict } from '../../lib/errors.ts'
import { flag } from '../flags.ts'
import { followSize, forwardSignals, requireTerminal, runSession } from '../session.ts'
import { PlainFailure, type Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER',
  summary: 'Attach local standard input, output, and error streams to a running container',
  flags: [
    flag('detach-keys', 'text', 'Override the key sequence for detaching a container'),
    flag('no-stdin', 'bool', 'Do not attach STDIN'),
    flag('sig-proxy', 'bool', 'Proxy all received signals to the process'),
  ],
  operands: { min: 1, max: 1 },
  async run(context, flags, [name = '']) {
    const { client } = context
    const { Id: id, State: state, Config: config } = await inspectContainer(client, name)
    if (!state.Running) throw conflict('You cannot attach to a stopped container, start it first')
    if (state.Paused) throw conflict('You cannot attach to a paused container, unpause it first')
    const { Tty: tty } = config
    const input = config.OpenStdin && !flags.bool('no-stdin')
    requireTerminal(context, tty, input)
    const detachKeys = flags.text('detach-keys')
    const exited = await waitContainer(client, id, 'not-running')
    const connection = await attachContainer(client, id, { stdin: input, stdout: true, stderr: true, detachKeys })
    const proxied = !tty && (!flags.has('sig-proxy') || flags.bool('sig-proxy'))
    using cleanup = new DisposableStack()
    if (proxied) cleanup.use(forwardSignals(signal => actOnContainer(client, id, 'kill', { signal })))
    if (tty) await followSize(context, (height, width) => resizeContainer(client, id, height, width))
    const outcome = await runSession(context, { connection, tty, input, detachKeys })
    if (outcome === 'detached') throw new PlainFailure('read escape sequence')
    return (await exited()).StatusCode
  },
}
