// `gantry rmi`: removes names of images, and images with their last name.

import { removeImage } from '../../client/images.ts'
import { flag } from '../flags.ts'
import { forEach, isNotFound } from '../each.ts'
import { platformsOf } from '../platform.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Remove one or more images',
  flags: [
    flag('force', 'bool', 'Force removal of the image', 'f'),
    flag('no-prune', 'bool', 'Do not delete untagged parents'),
    flag('platform', 'list', 'Remove only the given platform variant, such as linux/amd64'),
  ],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run(context, flags, names) {
    const query = { force: flags.bool('force'), noprune: flags.bool('no-prune'), platforms: platformsOf(flags) }
    const remove = async (name: string) => {
      const items = await removeImage(context.client, name, query)
      return items.map(item => (item.Deleted ? `Deleted: ${item.Deleted}` : `Untagged: ${item.Untagged}`)).join('\n')
    }
    return forEach(context, names, remove, error => query.force && isNotFound(error))
  },
}
