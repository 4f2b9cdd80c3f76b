// `gantry events`: what happens in the engine.

import { createInterface } from 'node:readline'
import type { EventMessage } from '../../api/types/events.ts'
import { formatTime } from '../../lib/clock.ts'
import { engineEvents } from '../../client/system.ts'
import { checked, flag } from '../flags.ts'
import { goJson } from '../../lib/template/functions.ts'
import { compileTemplate } from '../output/template.ts'
import { parseTimestamp } from '../timestamp.ts'
import { checkFilter, parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Get real time events from the server',
  flags: [
    checked(flag('filter', 'list', 'Filter output based on conditions provided', 'f'), checkFilter),
    flag('format', 'text', "Format output: 'json' or a Go template"),
    flag('since', 'text', 'Show all events created since timestamp'),
    flag('until', 'text', 'Stream events until this timestamp'),
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const format = flags.text('format')
    const render = format && format !== 'json' ? compileTemplate(format) : undefined
    const moment = (name: string) => {
      const text = flags.text(name)
      return text === undefined ? undefined : parseTimestamp(text, Date.now(), name)
    }
    const stream = await engineEvents(context.client, {
      since: moment('since'),
      until: moment('until'),
      filters: parseFilters(flags.list('filter')),
    })
    for await (const line of createInterface({ input: stream })) {
      const event = JSON.parse(line) as EventMessage
      const text = render ? render(event) : format === 'json' ? goJson(event) : lineOf(event, line)
      context.stdout.write(`${text}\n`)
    }
    return 0
  },
}

/** `TIME TYPE ACTION ID (key=value, …)`. */
function lineOf({ Type: type, Action: action, Actor: actor }: EventMessage, line: string): string {
  const attributes = Object.entries(actor.Attributes)
    .map(pair => pair.join('='))
    .toSorted()
  const more = attributes.length > 0 ? ` (${attributes.join(', ')})` : ''
  return `${timeOf(line)} ${type} ${action} ${actor.ID}${more}`
}

// The number as it was sent: as a double it would lose its last digits.
function timeOf(line: string): string {
  const nanos = BigInt(/"timeNano":(\d+)\}?\s*$/.exec(line)?.[1] ?? 0)
  const [date = '', fraction = ''] = formatTime(nanos).slice(0, -1).split('.')
  return `${date}.${fraction.padEnd(9, '0')}Z`
}
