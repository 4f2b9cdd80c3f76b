// `gantry kill`: a signal at once.

import { actOnContainer } from '../../client/containers.ts'
import { forEach } from '../each.ts'
import { flag } from '../flags.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Kill one or more running containers',
  flags: [flag('signal', 'text', 'Signal to send to the container', 's')],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run(context, flags, names) {
    const query = { signal: flags.text('signal') ?? 'KILL' }
    return forEach(context, names, name => actOnContainer(context.client, name, 'kill', query))
  },
}
