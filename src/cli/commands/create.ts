// `gantry create`: a container that `gantry start` starts.

import { buildDefinition } from '../run/definition.ts'
import { createFlags } from '../run/flags.ts'
import type { Verb } from '../verb.ts'
import { create } from './run.ts'

export const verb: Verb = {
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  summary: 'Create a new container',
  flags: createFlags,
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  stopAtOperand: true,
  async run(context, flags, [image = '', ...args]) {
    const id = await create(context, flags, buildDefinition(flags, image, args, context.env))
    context.stdout.write(`${id}\n`)
    return 0
  },
}
