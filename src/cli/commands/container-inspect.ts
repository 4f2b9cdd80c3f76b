// `gantry container inspect`: all that is known of containers.

import { inspectContainer } from '../../client/containers.ts'
import { flag } from '../flags.ts'
import { formatFlag, inspectAll } from '../inspect.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Display detailed information on one or more containers',
  flags: [formatFlag, flag('size', 'bool', 'Display total file sizes', 's')],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context, flags, names) =>
    inspectAll(context, names, flags.text('format'), name =>
      inspectContainer(context.client, name, flags.bool('size') || undefined),
    ),
}
