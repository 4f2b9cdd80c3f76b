// `gantry rm`: containers and, if asked to, their anonymous volumes.

import { removeContainer } from '../../client/containers.ts'
import { forEach, isNotFound } from '../each.ts'
import { flag } from '../flags.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Remove one or more containers',
  flags: [
    flag('force', 'bool', 'Force the removal of a running container (uses SIGKILL)', 'f'),
    flag('link', 'bool', 'Remove the specified link', 'l'),
    flag('volumes', 'bool', 'Remove anonymous volumes associated with the container', 'v'),
  ],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  run(context, flags, names) {
    const query = { force: flags.bool('force'), link: flags.bool('link'), v: flags.bool('volumes') }
    const forgives = (error: unknown) => query.force && isNotFound(error)
    return forEach(context, names, name => removeContainer(context.client, name, query), forgives)
  },
}
