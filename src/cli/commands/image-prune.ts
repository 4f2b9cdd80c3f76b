// `gantry image prune`: removes images that nothing uses.

import { pruneImages } from '../../client/prune.ts'
import { flag } from '../flags.ts'
import { confirmed, deleted, imageLines, pruneFlags, reclaimed } from '../prune.ts'
import { parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Remove unused images',
  flags: [flag('all', 'bool', 'Remove all unused images, not just dangling ones', 'a'), ...pruneFlags],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const all = flags.bool('all')
    const which = all ? 'all images without at least one container associated to them' : 'all dangling images'
    if (!flags.bool('force') && !(await confirmed(context, `WARNING! This will remove ${which}.`))) return 0
    const filters = { ...parseFilters(flags.list('filter')), dangling: [String(!all)] }
    const report = await pruneImages(context.client, filters)
    context.stdout.write(deleted('Images', imageLines(report.ImagesDeleted)) + reclaimed(report.SpaceReclaimed))
    return 0
  },
}
