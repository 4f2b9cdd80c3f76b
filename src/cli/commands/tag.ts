// `gantry tag`: another name for an image.

import { checkName, tagImage } from '../../client/images.ts'
import { splitTag } from '../reference.ts'
import { invalid, messageOf } from '../../lib/errors.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  flags: [],
  operands: { min: 2, max: 2 },
  async run(context, _flags, [source = '', target = '']) {
    const { repo = target, tag } = splitTag(checked(target))
    await tagImage(context.client, source, { repo, tag })
    return 0
  },
}

function checked(name: string): string {
  try {
    checkName(name)
    return name
  } catch (cause) {
    throw invalid(
      `Error parsing reference: ${JSON.stringify(name)} is not a valid repository/tag: ${messageOf(cause)}`,
      {
        cause,
      },
    )
  }
}
