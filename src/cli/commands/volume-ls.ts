// `gantry volume ls`: the volumes.

import type { Volume } from '../../api/types/volume.ts'
import { listVolumes } from '../../client/volumes.ts'
import { checked, flag } from '../flags.ts'
import { formatListing } from '../output/listing.ts'
import { naturalOrder } from '../output/natural.ts'
import { volumeRow, volumeTitles } from '../output/volume.ts'
import { checkFilter, parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'List volumes',
  flags: [
    checked(flag('filter', 'list', 'Provide filter values', 'f'), checkFilter),
    flag('format', 'text', "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"),
    flag('quiet', 'bool', 'Only display volume names', 'q'),
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const { Volumes } = await listVolumes(context.client, parseFilters(flags.list('filter')))
    const rows = ((Volumes as Volume[] | null) ?? []).toSorted((a, b) => naturalOrder(a.Name, b.Name)).map(volumeRow)
    const listing = { rows, titles: volumeTitles, columns: ['Driver', 'Name'], key: 'Name' }
    context.stdout.write(formatListing(listing, flags.text('format'), flags.bool('quiet')))
    return 0
  },
}
