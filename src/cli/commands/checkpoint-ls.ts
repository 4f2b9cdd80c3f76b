// `gantry checkpoint ls`: the checkpoints of a container.

import { listCheckpoints } from '../../client/checkpoints.ts'
import { flag } from '../flags.ts'
import { formatListing } from '../output/listing.ts'
import type { Verb } from '../verb.ts'

const titles = { Name: 'CHECKPOINT NAME' }

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER',
  summary: 'List checkpoints for a container',
  flags: [flag('checkpoint-dir', 'text', 'Use a custom checkpoint storage directory')],
  operands: { min: 1, max: 1 },
  async run({ client, stdout }, flags, [container = '']) {
    const found = await listCheckpoints(client, container, flags.text('checkpoint-dir'))
    const rows = found.map(({ Name }) => ({ Name }))
    stdout.write(formatListing({ rows, titles, columns: ['Name'], key: 'Name' }, undefined, false))
    return 0
  },
}
