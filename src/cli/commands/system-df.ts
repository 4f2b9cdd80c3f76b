// `gantry system df`: what images, containers and volumes take on disk.

import type { DiskUsage, SystemDataUsage } from '../../api/types/system.ts'
import { engineDiskUsage } from '../../client/system.ts'
import { flag } from '../flags.ts'
import { type Row, formatListing } from '../output/listing.ts'
import { humanSize } from '../output/units.ts'
import type { Verb } from '../verb.ts'

const titles = { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' }

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Show docker disk usage',
  flags: [
    flag('format', 'text', "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"),
    flag('verbose', 'bool', 'Show detailed information on space usage', 'v'),
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const format = flags.text('format')
    if (flags.bool('verbose')) {
      const { describeUsage } = await import('../output/usage.ts')
      context.stdout.write(describeUsage(await engineDiskUsage(context.client, true), format))
      return 0
    }
    const rows = rowsOf(await engineDiskUsage(context.client))
    const listing = { rows, titles, columns: Object.keys(titles), key: 'Type' }
    context.stdout.write(formatListing(listing, format, false))
    return 0
  },
}

function rowsOf({ ImageUsage, ContainerUsage, VolumeUsage, BuildCacheUsage }: SystemDataUsage): Row[] {
  return [
    rowOf('Images', ImageUsage, true),
    rowOf('Containers', ContainerUsage, true),
    rowOf('Local Volumes', VolumeUsage, true),
    rowOf('Build Cache', BuildCacheUsage, false),
  ]
}

function rowOf(type: string, usage: DiskUsage | undefined, share: boolean): Row {
  const { ActiveCount: active = 0, Reclaimable: free = 0, TotalCount: count = 0, TotalSize: size = 0 } = usage ?? {}
  const part = share && size > 0 ? ` (${Math.trunc((free * 100) / size)}%)` : ''
  return {
    Type: type,
    TotalCount: String(count),
    Active: String(active),
    Size: humanSize(size, 4),
    Reclaimable: humanSize(free, 4) + part,
  }
}
