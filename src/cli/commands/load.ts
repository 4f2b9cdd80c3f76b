// `gantry load`: images from an archive.

import { loadImages } from '../../client/images.ts'
import { invalid, system } from '../../lib/errors.ts'
import { openArchive } from '../archive.ts'
import { flag } from '../flags.ts'
import { platformOf } from '../platform.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Load an image from a tar archive or STDIN',
  flags: [
    flag('input', 'text', 'Read from tar archive file, instead of STDIN', 'i'),
    flag('platform', 'text', 'Load only the given platform variant, such as linux/amd64'),
    flag('quiet', 'bool', 'Suppress the load output', 'q'),
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const path = flags.text('input')
    if (path === undefined && context.stdin.isTTY) {
      throw invalid('requested load from stdin, but stdin is empty')
    }
    const archive = path === undefined ? context.stdin : await openArchive(path)
    const query = { quiet: flags.bool('quiet') || !context.stdout.isTTY, platform: platformOf(flags) }
    for await (const message of loadImages(context.client, archive, query)) {
      if (message.error !== undefined) throw system(message.errorDetail?.message ?? message.error)
      if (message.stream !== undefined) context.stdout.write(message.stream)
    }
    return 0
  },
}
