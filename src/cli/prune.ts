// What the prune verbs have in common: the question before, and the sums after.

import { createInterface } from 'node:readline'
import { checked, flag } from './flags.ts'
import { humanSize } from './output/units.ts'
import { checkFilter } from './values.ts'
import type { ImageDeleteItem } from '../api/types/image.ts'
import type { Context } from './verb.ts'

export const pruneFlags = [
  checked(flag('filter', 'list', 'Provide filter values'), checkFilter),
  flag('force', 'bool', 'Do not prompt for confirmation', 'f'),
]

/** Asks; true if the answer is yes. */
export async function confirmed(context: Context, warning: string): Promise<boolean> {
  context.stdout.write(`${warning}\nAre you sure you want to continue? [y/N] `)
  for await (const line of createInterface({ input: context.stdin })) return line.trim().toLowerCase() === 'y'
  return false
}

/** `Deleted Containers:` and their names, and an empty line; nothing if there are none. */
export function deleted(title: string, names: readonly string[] | null): string {
  return names && names.length > 0 ? `Deleted ${title}:\n${names.join('\n')}\n\n` : ''
}

/** What became of images, a line each. */
export const imageLines = (items: readonly ImageDeleteItem[] | null): string[] =>
  (items ?? []).map(({ Untagged, Deleted }) => (Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`))

/** The last line: bytes that were freed. */
export const reclaimed = (bytes: number): string => `Total reclaimed space: ${humanSize(bytes, 4)}\n`
