// --format templates as they are given on the command line.

import { compileTemplate as compile } from '../../lib/template/template.ts'

/** Compiles `source` to a function that renders one value; in it, \t and \n stand for themselves. Throws as Docker does. */
export function compileTemplate(source: string): (value: unknown) => string {
  return compile(source.replaceAll('\\t', '\t').replaceAll('\\n', '\n'))
}
