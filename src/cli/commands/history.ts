// `gantry history`: the steps that an image was made in, newest first.

import type { ImageHistoryItem } from '../../api/types/image.ts'
import { imageHistory } from '../../client/images.ts'
import { shortId } from '../../lib/ids.ts'
import { flag } from '../flags.ts'
import { type Row, formatListing } from '../output/listing.ts'
import { ellipsis, humanAge, humanSize } from '../output/units.ts'
import { platformOf } from '../platform.ts'
import type { Verb } from '../verb.ts'

const titles = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
}

export const verb: Verb = {
  usage: '[OPTIONS] IMAGE',
  summary: 'Show the history of an image',
  flags: [
    flag('format', 'text', "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"),
    flag('human', 'bool', 'Print sizes and dates in human readable format (default true)', 'H'),
    flag('no-trunc', 'bool', "Don't truncate output"),
    flag('platform', 'text', 'Show history for the given platform'),
    flag('quiet', 'bool', 'Only show image IDs', 'q'),
  ],
  operands: { min: 1, max: 1 },
  async run(context, flags, [name = '']) {
    const human = !flags.has('human') || flags.bool('human')
    const items = await imageHistory(context.client, name, platformOf(flags))
    const rows = items.map(item => rowOf(item, human, flags.bool('no-trunc')))
    const columns = ['ID', human ? 'CreatedSince' : 'CreatedAt', 'CreatedBy', 'Size', 'Comment']
    context.stdout.write(formatListing({ rows, titles, columns, key: 'ID' }, flags.text('format'), flags.bool('quiet')))
    return 0
  },
}

function rowOf(item: ImageHistoryItem, human: boolean, whole: boolean): Row {
  const created = new Date(item.Created * 1000).toISOString().replace('.000Z', 'Z')
  const by = item.CreatedBy.replaceAll('\t', ' ')
  return {
    Comment: item.Comment,
    CreatedAt: created,
    CreatedBy: whole ? by : ellipsis(by, 45),
    CreatedSince: human ? humanAge(item.Created * 1000, Date.now()) : created,
    ID: whole || item.Id === '<missing>' ? item.Id : shortId(item.Id),
    Size: human ? humanSize(item.Size) : String(item.Size),
  }
}
