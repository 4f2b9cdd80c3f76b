// `gantry diff`: what a container has changed in its file system.

import { containerChanges } from '../../client/files.ts'
import { invalid } from '../../lib/errors.ts'
import type { Verb } from '../verb.ts'

const letters = ['C', 'A', 'D'] as const

export const verb: Verb = {
  usage: 'CONTAINER',
  summary: "Inspect changes to files or directories on a container's filesystem",
  flags: [],
  operands: { min: 1, max: 1 },
  async run(context, _flags, [name = '']) {
    if (name === '') throw invalid('Container name cannot be empty')
    const changes = await containerChanges(context.client, name)
    context.stdout.write(changes.map(({ Kind: kind, Path: path }) => `${letters[kind]} ${path}\n`).join(''))
    return 0
  },
}
