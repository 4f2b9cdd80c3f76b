// `gantry volume prune`: removes volumes that nothing uses.

import { pruneVolumes } from '../../client/prune.ts'
import { flag } from '../flags.ts'
import { confirmed, deleted, pruneFlags, reclaimed } from '../prune.ts'
import { parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Remove unused local volumes',
  flags: [flag('all', 'bool', 'Remove all unused volumes, not just anonymous ones', 'a'), ...pruneFlags],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const all = flags.bool('all')
    const which = all ? 'all' : 'anonymous'
    const warning = `WARNING! This will remove ${which} local volumes not used by at least one container.`
    if (!flags.bool('force') && !(await confirmed(context, warning))) return 0
    const filters = { ...parseFilters(flags.list('filter')), ...(all && { all: ['true'] }) }
    const report = await pruneVolumes(context.client, filters)
    context.stdout.write(deleted('Volumes', report.VolumesDeleted) + reclaimed(report.SpaceReclaimed))
    return 0
  },
}
