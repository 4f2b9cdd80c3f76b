// `gantry volume inspect`: all that is known of volumes.

import { inspectVolume } from '../../client/volumes.ts'

import { formatFlag, inspectAll } from '../inspect.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] VOLUME [VOLUME...]',
  summary: 'Display detailed information on one or more volumes',
  flags: [formatFlag],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context, flags, names) =>
    inspectAll(context, names, flags.text('format'), name => inspectVolume(context.client, name)),
}
