// `gantry volume create`: a volume, named or not.

import { createVolume } from '../../client/volumes.ts'
import { invalid } from '../../lib/errors.ts'
import { flag } from '../flags.ts'
import { parsePairs } from '../values.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] [VOLUME]',
  summary: 'Create a volume',
  flags: [
    flag('driver', 'text', 'Specify volume driver name', 'd'),
    flag('label', 'list', 'Set metadata for a volume'),
    flag('name', 'text', 'Specify volume name'),
    flag('opt', 'list', 'Set driver specific options', 'o'),
  ],
  operands: { min: 0, max: 1 },
  async run(context, flags, [name]) {
    if (name !== undefined && flags.text('name')) {
      throw invalid('conflicting options: cannot specify a volume-name through both --name and as a positional arg')
    }
    const { Name } = await createVolume(context.client, {
      Name: name ?? flags.text('name') ?? '',
      Driver: flags.text('driver') ?? 'local',
      DriverOpts: parsePairs(flags.list('opt')),
      Labels: parsePairs(flags.list('label')),
    })
    context.stdout.write(`${Name}\n`)
    return 0
  },
}
