// The version this CLI is of.

import { readFileSync } from 'node:fs'

/** The version in package.json. */
export function clientVersion(): string {
  const manifest: { version: string } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return manifest.version
}
