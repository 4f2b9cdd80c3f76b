// `gantry export`: a container's file system as an archive.

import { exportContainer } from '../../client/files.ts'
import { copy } from '../../client/streams.ts'
import { invalid, messageOf } from '../../lib/errors.ts'
import { flag } from '../flags.ts'
import { checkArchivePath, writeFile } from '../output-file.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER',
  summary: "Export a container's filesystem as a tar archive",
  flags: [flag('output', 'text', 'Write to a file, instead of STDOUT', 'o')],
  operands: { min: 1, max: 1 },
  async run(context, flags, [name = '']) {
    const path = flags.text('output') ?? ''
    if (path === '' && context.stdout.isTTY) {
      throw invalid('cowardly refusing to save to a terminal. Use the -o flag or redirect')
    }
    if (path === '') {
      await copy(await exportContainer(context.client, name), context.stdout)
      return 0
    }
    try {
      checkArchivePath(path)
    } catch (cause) {
      throw invalid(`failed to export container: ${messageOf(cause)}`, { cause })
    }
    await writeFile(path, await exportContainer(context.client, name))
    return 0
  },
}
