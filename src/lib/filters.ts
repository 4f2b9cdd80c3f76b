// The `filters` of list, prune and events requests, as clients send them and as handlers ask them.

import { setFlagsFromString } from 'node:v8'
import { invalid } from './errors.ts'

// Patterns come from clients, so they run on V8's engine without backtracking. Like Go's, it has neither
// back-references nor look-around, and the time it takes is linear.
setFlagsFromString('--enable-experimental-regexp-engine')

/** The flag of expressions whose time is linear, whatever they are and match. */
export const linear = 'l'
const longestPattern = 1024

/** Conditions by name; a name may have several values. */
export class Filters {
  readonly #values: ReadonlyMap<string, ReadonlySet<string>>
  readonly #patterns = new Map<string, RegExp | undefined>()

  constructor(values: Iterable<readonly [string, Iterable<string>]> = []) {
    this.#values = new Map([...values].map(([name, list]) => [name, new Set(list)]))
  }

  /** Reads both forms in use: `{"name":["a"]}` and `{"name":{"a":true}}`. Empty text is no filter. */
  static parse(json: string): Filters {
    if (json === '') return new Filters()
    const parsed = parseObject(json)
    return new Filters(Object.entries(parsed).map(([name, values]) => [name, valuesOf(values)]))
  }

  /** The names that have been given. */
  names(): string[] {
    return [...this.#values.keys()]
  }

  /** True if the filter was given, with any values. */
  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** The values of a filter; none if it was not given. */
  get(name: string): string[] {
    return [...(this.#values.get(name) ?? [])]
  }

  /** A copy with one more value. */
  with(name: string, value: string): Filters {
    return new Filters([...this.#values, [name, [...this.get(name), value]]])
  }

  /** Throws `invalid` if a name is not in `accepted`. */
  validate(accepted: readonly string[]): void {
    const unknown = this.names().find(name => !accepted.includes(name))
    if (unknown !== undefined) throw invalid(`invalid filter '${unknown}'`)
  }

  /** True if the filter was not given or one of its values is `text`. */
  matchesExactly(name: string, text: string): boolean {
    const values = this.#values.get(name)
    return values === undefined || values.size === 0 || values.has(text)
  }

  /** True if the filter was not given or one of its values is, or is a pattern found in, `text`. */
  matches(name: string, text: string): boolean {
    return this.matchesExactly(name, text) || this.get(name).some(value => this.#pattern(value)?.test(text))
  }

  #pattern(source: string): RegExp | undefined {
    if (!this.#patterns.has(source)) this.#patterns.set(source, patternOf(source))
    return this.#patterns.get(source)
  }

  /** True if the filter was not given or one of its values is `text` or the beginning of it. */
  matchesPrefix(name: string, text: string): boolean {
    return this.matchesExactly(name, text) || this.get(name).some(value => text.startsWith(value))
  }

  /** True if every value, `key` or `key=value`, is in `labels`. */
  matchesLabels(name: string, labels: Readonly<Record<string, string>> | null): boolean {
    return this.get(name).every(condition => {
      const [key, value] = cut(condition)
      return Object.hasOwn(labels ?? {}, key) && (value === undefined || labels?.[key] === value)
    })
  }

  /** The filter as a boolean, `otherwise` if it was not given; throws `invalid` if it is neither or both. */
  flag(name: string, otherwise: boolean): boolean {
    if (!this.has(name)) return otherwise
    const values = this.get(name)
    const yes = values.some(value => value === '1' || value === 'true')
    const no = values.some(value => value === '0' || value === 'false')
    if (yes === no) throw invalid(`invalid filter '${name}${values.length > 0 ? `=[${values.join(' ')}]` : ''}'`)
    return yes
  }

  /** The form that clients send: `{"name":{"value":true}}`; '' if there is no filter. */
  toString(): string {
    if (this.#values.size === 0) return ''
    const object = [...this.#values].map(([name, values]) => [
      name,
      Object.fromEntries([...values].map(v => [v, true])),
    ])
    return JSON.stringify(Object.fromEntries(object))
  }
}

function cut(condition: string): [string, string | undefined] {
  const at = condition.indexOf('=')
  return at < 0 ? [condition, undefined] : [condition.slice(0, at), condition.slice(at + 1)]
}

function parseObject(json: string): object {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch (cause) {
    throw invalid('invalid filter', { cause })
  }
  if (typeof parsed !== 'object' || Array.isArray(parsed)) throw invalid('invalid filter')
  return parsed ?? {}
}

function valuesOf(values: unknown): string[] {
  if (values === null) return []
  if (typeof values !== 'object') throw invalid('invalid filter')
  const entries: [unknown, unknown][] = Array.isArray(values)
    ? values.map(value => [value, true])
    : Object.entries(values)
  if (entries.some(([value, on]) => typeof value !== 'string' || typeof on !== 'boolean'))
    throw invalid('invalid filter')
  return entries.filter(([, on]) => on).map(([value]) => String(value))
}

/** The pattern in `source`; undefined if it is not one, which Docker treats as matching nothing. */
function patternOf(source: string): RegExp | undefined {
  if (source.length > longestPattern) return undefined
  try {
    return new RegExp(source, linear)
  } catch {
    return undefined
  }
}
