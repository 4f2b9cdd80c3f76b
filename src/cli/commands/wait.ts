// `gantry wait`: prints exit codes as they become known.

import { waitContainer } from '../../client/containers.ts'
import { forEach } from '../each.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: 'CONTAINER [CONTAINER...]',
  summary: 'Block until one or more containers stop, then print their exit codes',
  flags: [],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run(context, _flags, names) {
    return forEach(context, names, async name => {
      const exited = await waitContainer(context.client, name, 'not-running')
      return String((await exited()).StatusCode)
    })
  },
}
