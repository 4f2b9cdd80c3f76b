// `gantry volume rm`: removes volumes.

import { removeVolume } from '../../client/volumes.ts'
import { forEach } from '../each.ts'
import { flag } from '../flags.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  summary: 'Remove one or more volumes',
  flags: [flag('force', 'bool', 'Force the removal of one or more volumes', 'f')],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context, flags, names) =>
    forEach(context, names, name => removeVolume(context.client, name, flags.bool('force'))),
}
