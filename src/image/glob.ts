// Shell patterns as Go's path.Match has them: `*` and `?` stop at a slash.

import { invalid } from '../lib/errors.ts'
import { linear } from '../lib/filters.ts'

/** Matches whole names, in linear time. Throws `invalid` if `pattern` is malformed. */
export function globMatcher(pattern: string): (name: string) => boolean {
  const expression = new RegExp(`^(?:${translate(pattern)})$`, linear)
  return name => expression.test(name)
}

const malformed = () => invalid('syntax error in pattern')
const longestPattern = 1024

function translate(pattern: string): string {
  if (pattern.length > longestPattern) throw malformed()
  let result = ''
  for (let rest = pattern; rest !== ''; ) {
    const [taken, translated] = element(rest)
    result += translated
    rest = rest.slice(taken)
  }
  return result
}

function element(rest: string): [taken: number, translated: string] {
  const first = rest.charAt(0)
  if (first === '*') return [1, '[^/]*']
  if (first === '?') return [1, '[^/]']
  if (first === '[') return characterClass(rest)
  if (first !== '\\') return [1, escape(first)]
  if (rest.length < 2) throw malformed()
  return [2, escape(rest.charAt(1))]
}

const escape = (character: string) => character.replace(/[\\^$.*+?()[\]{}|/-]/, String.raw`\$&`)

const plain = (text: string) => escape(text.startsWith('\\') ? text.slice(1) : text)

function characterClass(rest: string): [taken: number, translated: string] {
  const match = /^\[(\^?)((?:\\.|[^\]\\])+)\]/s.exec(rest)
  if (!match) throw malformed()
  const [whole, negation = '', members = ''] = match
  const items = [...members.matchAll(/(\\.|[^-\\])(?:-(\\.|[^-\\]))?/gs)]
  if (items.map(item => item[0]).join('') !== members) throw malformed()
  const ranges = items.map(([, low = '', high]) => (high === undefined ? plain(low) : range(plain(low), plain(high))))
  return [whole.length, `[${negation}${ranges.join('')}]`]
}

// A range that ends before it begins matches nothing, which an expression can't say.
function range(low: string, high: string): string {
  const [from, to] = [low.at(-1) ?? '', high.at(-1) ?? '']
  return from <= to ? `${low}-${high}` : ''
}
