// `gantry checkpoint rm`: removes a checkpoint of a container.

import { removeCheckpoint } from '../../client/checkpoints.ts'
import { flag } from '../flags.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER CHECKPOINT',
  summary: 'Remove a checkpoint',
  flags: [flag('checkpoint-dir', 'text', 'Use a custom checkpoint storage directory')],
  operands: { min: 2, max: 2 },
  async run({ client }, flags, [container = '', name = '']) {
    await removeCheckpoint(client, container, name, flags.text('checkpoint-dir'))
    return 0
  },
}
