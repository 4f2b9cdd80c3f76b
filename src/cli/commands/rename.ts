// `gantry rename`: another name for a container.

import { actOnContainer } from '../../client/containers.ts'
import { EngineError } from '../../client/client.ts'
import { invalid } from '../../lib/errors.ts'
import { PlainFailure, type Verb } from '../verb.ts'

export const verb: Verb = {
  usage: 'CONTAINER NEW_NAME',
  summary: 'Rename a container',
  flags: [],
  operands: { min: 2, max: 2 },
  async run(context, _flags, [container = '', name = '']) {
    if (container === '' || name === '') throw invalid('Error: Neither old nor new names may be empty')
    try {
      await actOnContainer(context.client, container, 'rename', { name })
      return 0
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      throw new PlainFailure(
        `Error response from daemon: ${error.message}\nError: failed to rename container named ${container}`,
      )
    }
  },
}
