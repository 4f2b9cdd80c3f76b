// `gantry container prune`: removes what does not run.

import { pruneContainers } from '../../client/prune.ts'
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
    if (!flags.bool('force') && !(await confirmed(context, warning))) return 0
    const report = await pruneContainers(context.client, parseFilters(flags.list('filter')))
    context.stdout.write(deleted('Containers', report.ContainersDeleted) + reclaimed(report.SpaceReclaimed))
    return 0
  },
}
