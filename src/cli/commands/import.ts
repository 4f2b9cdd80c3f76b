// `gantry import`: an image of one layer from the archive of a root file system.

import { importImage } from '../../client/images.ts'
import { system } from '../../lib/errors.ts'
import { openArchive } from '../archive.ts'
import { flag } from '../flags.ts'
import { splitTag } from '../reference.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] file|- [REPOSITORY[:TAG]]',
  summary: 'Import the contents from a tarball to create a filesystem image',
  flags: [
    flag('change', 'list', 'Apply Dockerfile instruction to the created image', 'c'),
    flag('message', 'text', 'Set commit message for imported image', 'm'),
    flag('platform', 'text', 'Set platform if server is multi-platform capable'),
  ],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context, flags, [file = '', name]) {
    const archive = file === '-' ? context.stdin : await openArchive(file)
    const query = {
      ...splitTag(name),
      message: flags.text('message'),
      changes: flags.list('change'),
      platform: flags.text('platform'),
    }
    for await (const message of importImage(context.client, archive, query)) {
      if (message.error !== undefined) throw system(message.errorDetail?.message ?? message.error)
      if (message.status !== undefined) context.stdout.write(`${message.status}\n`)
    }
    return 0
  },
}
