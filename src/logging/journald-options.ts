// The options of the journald driver.

import { invalid } from '../lib/errors.ts'
import { attributeOptions } from './attributes.ts'
import type { LogOptions } from './subject.ts'

const known: ReadonlySet<string> = new Set(['tag', ...attributeOptions])

/** Throws dockerd's errors for options of journald. */
export function checkJournald(options: LogOptions): void {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw invalid(`unknown log opt '${name}' for journald log driver`)
  }
}
