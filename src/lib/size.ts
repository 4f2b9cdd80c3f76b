// Sizes as people write them: 64m, 1.5GiB, 1024.

import { invalid } from './errors.ts'

const powers = ['', 'k', 'm', 'g', 't', 'p']

/** Bytes of a size; suffixes are binary and case does not matter. Throws `invalid` as Docker does. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text)
  if (!match) throw invalid(`invalid size: '${text}'`)
  const [, number, suffix = ''] = match
  return Math.trunc(Number(number) * 1024 ** powers.indexOf(suffix.toLowerCase()))
}
