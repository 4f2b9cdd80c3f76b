// `gantry system prune`: removes everything that nothing uses.

import { invalid } from '../../lib/errors.ts'
import { type PruneFilters, pruneContainers, pruneImages, pruneNetworks, pruneVolumes } from '../../client/prune.ts'
import { flag } from '../flags.ts'
import { confirmed, deleted, imageLines, pruneFlags, reclaimed } from '../prune.ts'
import { parseFilters } from '../values.ts'
import type { Context, Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Remove unused data',
  flags: [
    flag('all', 'bool', 'Remove all unused images not just dangling ones', 'a'),
    flag('volumes', 'bool', 'Prune anonymous volumes'),
    ...pruneFlags,
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const [all, volumes] = [flags.bool('all'), flags.bool('volumes')]
    const given = flags.list('filter')
    const filters = parseFilters(given)
    if (volumes && 'until' in filters) throw invalid('ERROR: The "until" filter is not supported with "--volumes"')
    if (!flags.bool('force') && !(await confirmed(context, warningOf(all, volumes, given)))) return 0
    context.stdout.write(await prune(context, filters, all, volumes))
    return 0
  },
}

function warningOf(all: boolean, volumes: boolean, filters: readonly string[]): string {
  const lines = [
    '  - all stopped containers',
    '  - all networks not used by at least one container',
    ...(volumes ? ['  - all anonymous volumes not used by at least one container'] : []),
    all ? '  - all images without at least one container associated to them' : '  - all dangling images',
    all ? '  - all build cache' : '  - unused build cache',
  ]
  const filtered = filters.length === 0 ? [] : ['', '  Items to be pruned will be filtered with:']
  return ['WARNING! This will remove:', ...lines, ...filtered, ...filters.map(text => `  - ${text}`), ''].join('\n')
}

async function prune({ client }: Context, filters: PruneFilters, all: boolean, volumes: boolean): Promise<string> {
  const containers = await pruneContainers(client, filters)
  const networks = await pruneNetworks(client, filters)
  const nothing = { VolumesDeleted: null, SpaceReclaimed: 0 }
  const unused = volumes ? await pruneVolumes(client, filters) : nothing
  const images = await pruneImages(client, { ...filters, dangling: [String(!all)] })
  return [
    deleted('Containers', containers.ContainersDeleted),
    deleted('Networks', networks.NetworksDeleted),
    deleted('Volumes', unused.VolumesDeleted),
    deleted('Images', imageLines(images.ImagesDeleted)),
    reclaimed(containers.SpaceReclaimed + unused.SpaceReclaimed + images.SpaceReclaimed),
  ].join('')
}
