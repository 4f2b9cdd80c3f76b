// `gantry update`: other limits and another restart policy for containers.

import { updateContainer } from '../../client/containers.ts'
import { forEach } from '../each.ts'
import { limitsOf, parseRestart } from '../run/definition.ts'
import { createFlags } from '../run/flags.ts'
import type { Verb } from '../verb.ts'

const names = [
  'blkio-weight',
  'cpu-period',
  'cpu-quota',
  'cpu-rt-period',
  'cpu-rt-runtime',
  'cpu-shares',
  'cpus',
  'cpuset-cpus',
  'cpuset-mems',
  'memory',
  'memory-reservation',
  'memory-swap',
  'pids-limit',
  'restart',
]

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Update configuration of one or more containers',
  flags: createFlags.filter(({ name }) => names.includes(name)),
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context, flags, containers) {
    if (!names.some(name => flags.has(name))) {
      context.stderr.write('you must provide one or more flags when using this command\n')
      return 1
    }
    const restart = flags.text('restart')
    const changes = { ...limitsOf(flags), ...(restart && { RestartPolicy: parseRestart(restart) }) }
    const warnings: string[] = []
    const code = await forEach(context, containers, async container => {
      const answer = await updateContainer(context.client, container, changes)
      warnings.push(...(answer.Warnings ?? []))
    })
    if (warnings.length > 0) context.stdout.write(warnings.join('\n'))
    return code
  },
}
