// What the inspect verbs have in common: each name is asked for, what was found is shown, and what was not is said.

import { describeFailure } from './each.ts'
import { flag } from './flags.ts'
import { compileTemplate } from './output/template.ts'
import type { Context } from './verb.ts'

export const formatFlag = flag('format', 'text', "Format output: 'json' or a Go template", 'f')

/** Shows what `find` knows of each name; returns 1 if it threw for any. */
export async function inspectAll(
  context: Context,
  names: readonly string[],
  format: string | undefined,
  find: (name: string) => Promise<unknown>,
): Promise<number> {
  const show = formatter(format)
  const results = await Promise.allSettled(names.map(find))
  context.stdout.write(show(results.filter(result => result.status === 'fulfilled').map(({ value }) => value)))
  const failures = results.filter(result => result.status === 'rejected').map(({ reason }) => describeFailure(reason))
  if (failures.length > 0) context.stderr.write(`${failures.join('\n')}\n`)
  return failures.length > 0 ? 1 : 0
}

function formatter(format: string | undefined): (values: readonly unknown[]) => string {
  if (format === undefined || format === '') return values => `${JSON.stringify(values, null, 4)}\n`
  if (format === 'json') return values => `${JSON.stringify(values)}\n`
  const render = compileTemplate(format)
  return values => values.map(value => `${render(value)}\n`).join('')
}
