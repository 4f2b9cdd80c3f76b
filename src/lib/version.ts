// Which Gantry this is.

import { readFileSync } from 'node:fs'

/** The version in package.json. */
export function gantryVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
