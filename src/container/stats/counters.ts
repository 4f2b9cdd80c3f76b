// Reading the kernel's small text files of counters.

import { readFileSync } from 'node:fs'
import { hasCode } from '../../kernel/ffi.ts'

/** Gives the text of a file by its name; undefined if there is none. */
export type ReadFile = (name: string) => string | undefined

/** The text at `path`; undefined if it isn't there, or the cgroup or process that it is about has gone. */
export function readCounters(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENODEV', 'ENOTDIR', 'ESRCH', 'EOPNOTSUPP', 'EINVAL')) return undefined
    throw error
  }
}

/** The number that a text is, undefined for `max` and whatever else is none. */
export function numberIn(text: string | undefined): bigint | undefined {
  const trimmed = text?.trim() ?? ''
  return /^\d+$/.test(trimmed) ? BigInt(trimmed) : undefined
}

/** The `key value` lines of a text. */
export function keyed(text: string | undefined): ReadonlyMap<string, bigint> {
  const found = new Map<string, bigint>()
  for (const [, key = '', value = ''] of (text ?? '').matchAll(/^(\S+) (\d+)$/gm)) found.set(key, BigInt(value))
  return found
}
