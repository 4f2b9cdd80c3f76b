// `gantry top`: the processes of a container.

import { topContainer } from '../../client/containers.ts'
import { formatTable } from '../output/table.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: 'CONTAINER [ps OPTIONS]',
  summary: 'Display the running processes of a container',
  flags: [],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  stopAtOperand: true,
  async run(context, _flags, [container = '', ...psArgs]) {
    const options = psArgs.length > 0 ? psArgs.join(' ') : undefined
    const { Titles: titles, Processes: processes } = await topContainer(context.client, container, options)
    context.stdout.write(formatTable([titles, ...processes], { minimumWidth: 20, padding: 1 }))
    return 0
  },
}
