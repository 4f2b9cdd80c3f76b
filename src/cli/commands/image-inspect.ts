// `gantry image inspect`: all that is known of images.

import { inspectImage } from '../../client/images.ts'
import { flag } from '../flags.ts'
import { formatFlag, inspectAll } from '../inspect.ts'
import { platformOf } from '../platform.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Display detailed information on one or more images',
  flags: [formatFlag, flag('platform', 'text', 'Inspect a specific platform of the multi-platform image')],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run: (context, flags, names) =>
    inspectAll(context, names, flags.text('format'), name => inspectImage(context.client, name, platformOf(flags))),
}
