// `gantry tag`: another name for an image.

import { tagImage } from '../../client/images.ts'
import { splitTag } from '../reference.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  flags: [],
  operands: { min: 2, max: 2 },
  async run(context, _flags, [source = '', target = '']) {
    const { repo = target, tag } = splitTag(target)
    await tagImage(context.client, source, { repo, tag })
    return 0
  },
}
