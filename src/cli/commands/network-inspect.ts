// `gantry network inspect`: all that is known of networks.

import { inspectNetwork } from '../../client/networks.ts'
import { flag } from '../flags.ts'
import { formatFlag, inspectAll } from '../inspect.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] NETWORK [NETWORK...]',
  summary: 'Display detailed information on one or more networks',
  flags: [formatFlag, flag('verbose', 'bool', 'Verbose output for diagnostics', 'v')],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context, flags, names) =>
    inspectAll(context, names, flags.text('format'), name =>
      inspectNetwork(context.client, name, flags.bool('verbose') || undefined),
    ),
}
