// `gantry images`: the images, a line for each name.

import { listImages } from '../../client/images.ts'
import { checked, flag } from '../flags.ts'
import { imageRows, imageTitles } from '../output/image.ts'
import { formatListing } from '../output/listing.ts'
import { checkFilter, parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  summary: 'List images',
  flags: [
    flag('all', 'bool', 'Show all images (default hides intermediate images)', 'a'),
    flag('digests', 'bool', 'Show digests'),
    checked(flag('filter', 'list', 'Filter output based on conditions provided', 'f'), checkFilter),
    flag('format', 'text', "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"),
    flag('no-trunc', 'bool', "Don't truncate output"),
    flag('quiet', 'bool', 'Only show image IDs', 'q'),
  ],
  operands: { min: 0, max: 1 },
  async run(context, flags, [reference]) {
    const filters = parseFilters(flags.list('filter'))
    if (reference !== undefined) filters.reference = [...(filters.reference ?? []), reference]
    const images = await listImages(context.client, { all: flags.bool('all'), filters })
    const rows = images.flatMap(image =>
      imageRows(image, { digests: flags.bool('digests'), whole: flags.bool('no-trunc') }),
    )
    const digest = flags.bool('digests') ? ['Digest'] : []
    const columns = ['Repository', 'Tag', ...digest, 'ID', 'CreatedSince', 'Size']
    context.stdout.write(
      formatListing({ rows, titles: imageTitles, columns, key: 'ID' }, flags.text('format'), flags.bool('quiet')),
    )
    return 0
  },
}
