// Sizes as people write them: 64m, 1.5GiB, 1024.

import { invalid } from './errors.ts'

const powers = ['', 'k', 'm', 'g', 't', 'p']

/** Bytes of a size; suffixes are binary and case does not matter. Throws `invalid` as Docker does. */
export function parseSize(text: string): number {
  return parse(text, 1024)
}

/** Bytes of a size whose suffixes are powers of 1000, as Docker reads some options. Throws `invalid` as Docker does. */
export function parseDecimalSize(text: string): number {
  return parse(text, 1000)
}

function parse(text: string, base: number): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text)
  if (!match) throw invalid(`invalid size: '${text}'`)
  const [, number, suffix = ''] = match
  return Math.trunc(Number(number) * base ** powers.indexOf(suffix.toLowerCase()))
}
