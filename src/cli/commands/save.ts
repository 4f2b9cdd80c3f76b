// `gantry save`: images as an archive.

import { saveImages } from '../../client/images.ts'
import { copy } from '../../client/streams.ts'
import { invalid, messageOf } from '../../lib/errors.ts'
import { flag } from '../flags.ts'
import { checkArchivePath, writeFile } from '../output-file.ts'
import { platformOf } from '../platform.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  flags: [
    flag('output', 'text', 'Write to a file, instead of STDOUT', 'o'),
    flag('platform', 'text', 'Save only the given platform variant, such as linux/amd64'),
  ],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context, flags, names) {
    const platform = platformOf(flags)
    const path = flags.text('output') ?? ''
    if (path === '' && context.stdout.isTTY) {
      throw invalid('cowardly refusing to save to a terminal. Use the -o flag or redirect')
    }
    try {
      if (path !== '') checkArchivePath(path)
    } catch (cause) {
      throw invalid(`failed to save image: ${messageOf(cause)}`, { cause })
    }
    const archive = await saveImages(context.client, names, platform)
    if (path === '') await copy(archive, context.stdout)
    else await writeFile(path, archive)
    return 0
  },
}
