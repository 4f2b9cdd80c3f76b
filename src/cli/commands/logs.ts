// `gantry logs`: what a container has written.

import { clearContainerLogs, containerLogs, inspectContainer } from '../../client/containers.ts'
import { copy, demultiplex } from '../../client/streams.ts'
import { flag } from '../flags.ts'
import { parseTimestamp } from '../timestamp.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER',
  summary: 'Fetch the logs of a container',
  flags: [
    flag('clear', 'bool', 'Drop what was logged so far instead of showing it'),
    flag('details', 'bool', 'Show extra details provided to logs'),
    flag('follow', 'bool', 'Follow log output', 'f'),
    flag('since', 'text', 'Show logs since timestamp (2013-01-02T13:23:37Z) or relative (42m for 42 minutes)'),
    flag('tail', 'text', 'Number of lines to show from the end of the logs', 'n'),
    flag('timestamps', 'bool', 'Show timestamps', 't'),
    flag('until', 'text', 'Show logs before a timestamp (2013-01-02T13:23:37Z) or relative (42m for 42 minutes)'),
  ],
  operands: { min: 1, max: 1 },
  async run(context, flags, [name = '']) {
    if (flags.bool('clear')) {
      await clearContainerLogs(context.client, name)
      return 0
    }
    const { Id: id, Config: config } = await inspectContainer(context.client, name)
    const now = Date.now()
    const at = (text: string | undefined, what: string) => text && parseTimestamp(text, now, what)
    const output = await containerLogs(context.client, id, {
      stdout: true,
      stderr: true,
      follow: flags.bool('follow'),
      timestamps: flags.bool('timestamps'),
      details: flags.bool('details'),
      since: at(flags.text('since'), 'since'),
      until: at(flags.text('until'), 'until'),
      tail: flags.text('tail') ?? 'all',
    })
    await (config.Tty ? copy(output, context.stdout) : demultiplex(output, context.stdout, context.stderr))
    return 0
  },
}
