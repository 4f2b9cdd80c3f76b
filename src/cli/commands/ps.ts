// `gantry ps`: the containers.

import type { ContainerSummary } from '../../api/types/container.ts'
import { listContainers } from '../../client/containers.ts'
import { shortId } from '../../lib/ids.ts'
import { checked, flag } from '../flags.ts'
import { formatListing, goTime, joinLabels, type Row } from '../output/listing.ts'
import { displayPorts } from '../output/ports.ts'
import { ellipsis, humanAge, humanSize } from '../output/units.ts'
import { checkFilter, parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

const titles = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Command: 'COMMAND',
  RunningFor: 'CREATED',
  CreatedAt: 'CREATED AT',
  Status: 'STATUS',
  State: 'STATE',
  Ports: 'PORTS',
  Names: 'NAMES',
  Size: 'SIZE',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  LocalVolumes: 'LOCAL VOLUMES',
  Networks: 'NETWORKS',
  Platform: 'PLATFORM',
}

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
    const rows = containers.map(container => rowOf(container, flags.bool('no-trunc'), Date.now()))
    const listing = { rows, titles, columns: flags.bool('size') ? [...columns, 'Size'] : columns, key: 'ID' }
    context.stdout.write(formatListing(listing, flags.text('format'), flags.bool('quiet')))
    return 0
  },
}

function rowOf(container: ContainerSummary, whole: boolean, now: number): Row {
  const mounts = container.Mounts ?? []
  return {
    Command: JSON.stringify(whole ? container.Command : ellipsis(container.Command, 20)),
    // Names of time zones are slow to come by: 10 ms.
    get CreatedAt() {
      return goTime(container.Created)
    },
    ID: whole ? container.Id : shortId(container.Id),
    Image: imageOf(container, whole),
    Labels: joinLabels(container.Labels),
    LocalVolumes: String(mounts.filter(mount => mount.Driver === 'local').length),
    Mounts: mounts.map(mount => ellipsisUnless(whole, mount.Name || mount.Source)).join(','),
    Names: namesOf(container, whole).join(','),
    Networks: Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
    Platform: null,
    Ports: displayPorts(container.Ports ?? []),
    RunningFor: humanAge(container.Created * 1000, now),
    Size: sizeOf(container),
    State: container.State,
    Status: container.Status,
  }
}

const ellipsisUnless = (whole: boolean, text: string) => (whole ? text : ellipsis(text, 15))

function imageOf({ Image: image, ImageID: id }: ContainerSummary, whole: boolean): string {
  if (image === '') return '<no image>'
  return !whole && (image === id || /^sha256:[0-9a-f]{64}$/.test(image)) ? shortId(image) : image
}

// Links to other containers' names are not this one's own, and have a second slash.
function namesOf({ Names: names }: ContainerSummary, whole: boolean): string[] {
  const own = (names ?? []).map(name => name.replace(/^\//, ''))
  return whole ? own : own.filter(name => !name.includes('/'))
}

function sizeOf({ SizeRw: own = 0, SizeRootFs: total = 0 }: ContainerSummary): string {
  return total > 0 ? `${humanSize(own)} (virtual ${humanSize(total)})` : humanSize(own)
}
