// `gantry pause`: freezes their processes.

import { actOnContainer } from '../../client/containers.ts'
import { forEach } from '../each.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Pause all processes within one or more containers',
  flags: [],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run(context, _flags, names) {
    return forEach(context, names, name => actOnContainer(context.client, name, 'pause'))
  },
}
