// `gantry restart`: stop, then start.

import { actOnContainer } from '../../client/containers.ts'
import { forEach } from '../each.ts'
import { flag } from '../flags.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Restart one or more containers',
  flags: [
    flag('signal', 'text', 'Signal to send to the container', 's'),
    flag('timeout', 'int', 'Seconds to wait before killing the container', 't'),
    flag('time', 'int', 'Seconds to wait before killing the container'),
  ],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run(context, flags, names) {
    const query = { signal: flags.text('signal'), t: flags.number('timeout') ?? flags.number('time') }
    return forEach(context, names, name => actOnContainer(context.client, name, 'restart', query))
  },
}
