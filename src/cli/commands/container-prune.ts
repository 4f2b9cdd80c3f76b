// `gantry container prune`: removes what does not run.

import { pruneContainers } from '../../client/containers.ts'
import { confirmed, deleted, pruneFlags, reclaimed } from '../prune.ts'
import { parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Remove all stopped containers',
  flags: pruneFlags,
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const warning = 'WARNING! This will remove all stopped containers.'
    if (!flags.bool('force') && !(await confirmed(context, warning))) {
      context.stderr.write('container prune has been cancelled\n')
      return 1
    }
    const report = await pruneContainers(context.client, parseFilters(flags.list('filter')))
    context.stdout.write(deleted('Containers', report.ContainersDeleted) + reclaimed(report.SpaceReclaimed))
    return 0
  },
}
