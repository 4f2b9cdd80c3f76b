// `gantry ps`: the containers.

import { listContainers } from '../../client/containers.ts'
import { checked, flag } from '../flags.ts'
import { containerRow, containerTitles } from '../output/container.ts'
import { formatListing } from '../output/listing.ts'
import { checkFilter, parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

const columns = ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names']

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'List containers',
  flags: [
    flag('all', 'bool', 'Show all containers (default shows just running)', 'a'),
    checked(flag('filter', 'list', 'Filter output based on conditions provided', 'f'), checkFilter),
    flag('format', 'text', "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"),
    flag('last', 'int', 'Show n last created containers (includes all states)', 'n'),
    flag('latest', 'bool', 'Show the latest created container (includes all states)', 'l'),
    flag('no-trunc', 'bool', "Don't truncate output"),
    flag('quiet', 'bool', 'Only display container IDs', 'q'),
    flag('size', 'bool', 'Display total file sizes', 's'),
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const limit = flags.bool('latest') ? 1 : flags.number('last')
    const size = flags.bool('size') || (flags.text('format') ?? '').includes('.Size')
    const containers = await listContainers(context.client, {
      all: flags.bool('all') || limit !== undefined,
      limit: limit !== undefined && limit > 0 ? limit : undefined,
      size,
      filters: parseFilters(flags.list('filter')),
    })
    const rows = containers.map(container => containerRow(container, flags.bool('no-trunc'), Date.now()))
    const listing = {
      rows,
      titles: containerTitles,
      columns: flags.bool('size') ? [...columns, 'Size'] : columns,
      key: 'ID',
    }
    context.stdout.write(formatListing(listing, flags.text('format'), flags.bool('quiet')))
    return 0
  },
}
