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
    await prune(context, filters, all, volumes)
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

// What was removed is told as it is: a later step may fail.
async function prune(
  { client, stdout }: Context,
  filters: PruneFilters,
  all: boolean,
  volumes: boolean,
): Promise<void> {
  let freed = 0
  const tell = (title: string, names: readonly string[] | null, bytes: number) => {
    freed += bytes
    stdout.write(deleted(title, names))
  }
  const containers = await pruneContainers(client, filters)
  tell('Containers', containers.ContainersDeleted, containers.SpaceReclaimed)
  const networks = await pruneNetworks(client, filters)
  tell('Networks', networks.NetworksDeleted, 0)
  if (volumes) {
    const unused = await pruneVolumes(client, filters)
    tell('Volumes', unused.VolumesDeleted, unused.SpaceReclaimed)
  }
  const images = await pruneImages(client, { ...filters, dangling: [String(!all)] })
  tell('Images', imageLines(images.ImagesDeleted), images.SpaceReclaimed)
  stdout.write(reclaimed(freed))
}
