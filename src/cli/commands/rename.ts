// `gantry rename`: another name for a container.

import { actOnContainer } from '../../client/containers.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: 'CONTAINER NEW_NAME',
  summary: 'Rename a container',
  flags: [],
  operands: { min: 2, max: 2 },
  async run(context, _flags, [container = '', name = '']) {
    await actOnContainer(context.client, container, 'rename', { name })
    return 0
  },
}
