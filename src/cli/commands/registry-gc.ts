// `gantry registry gc`: collects the garbage of a registry that is not being served.

import { flag } from '../flags.ts'
import { becomeRegistry } from '../registry-program.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Apply the rules of retention and collect the garbage of a registry',
  flags: [
    flag('config', 'text', 'Configuration file'),
    flag('dry-run', 'bool', 'Only tell what would go'),
    flag('root', 'text', 'Directory of the content (default "/var/lib/gantry-registry")'),
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const options = ['config', 'root'].flatMap(name => {
      const value = flags.text(name)
      return value === undefined ? [] : [`--${name}=${value}`]
    })
    return becomeRegistry(['gc', ...options, ...(flags.bool('dry-run') ? ['--dry-run'] : [])], context.env)
  },
}
