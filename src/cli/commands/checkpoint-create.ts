// `gantry checkpoint create`: a running container's processes on disk.

import { createCheckpoint } from '../../client/checkpoints.ts'
import { flag } from '../flags.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER CHECKPOINT',
  summary: 'Create a checkpoint from a running container',
  flags: [
    flag('checkpoint-dir', 'text', 'Use a custom checkpoint storage directory'),
    flag('leave-running', 'bool', 'Leave the container running after checkpoint'),
  ],
  operands: { min: 2, max: 2 },
  async run({ client, stdout }, flags, [container = '', name = '']) {
    const exit = !flags.bool('leave-running')
    await createCheckpoint(client, container, { name, directory: flags.text('checkpoint-dir'), exit })
    stdout.write(`${name}\n`)
    return 0
  },
}
