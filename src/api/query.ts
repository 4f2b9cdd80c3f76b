// The query strings of the Engine API: how they are split, and how each kind of parameter is read.

import { invalid } from '../lib/errors.ts'
import { Filters } from '../lib/filters.ts'
import type { Platform } from './types/descriptor.ts'

/** A parameter: reads the values given under its name, in order; undefined if the name does not occur. */
export interface Parameter<T> {
  /** For the API reference. */
  readonly type: 'boolean' | 'string' | 'integer' | 'filters' | 'platform' | 'timestamp'
  readonly repeated?: boolean
  read(values: readonly string[] | undefined, name: string): T
}

/** What a record of parameters reads as. */
export type QueryOf<P> = { readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never }

const falseTexts = new Set(['', '0', 'no', 'false', 'none'])

/** A boolean: anything but '', 0, no, false and none is true. `absent` is its value when it is not given at all. */
export const flag = (absent = false): Parameter<boolean> => ({
  type: 'boolean',
  read: values => (values === undefined ? absent : !falseTexts.has((values[0] ?? '').trim().toLowerCase())),
})

/** A string, '' when absent. */
export const text = (): Parameter<string> => ({ type: 'string', read: values => values?.[0] ?? '' })

/** All values of a name that may be given several times. */
export const texts = (): Parameter<readonly string[]> => ({
  type: 'string',
  repeated: true,
  read: values => values ?? [],
})

/** An integer as Go's Atoi reads it; undefined when absent or ''. */
export const integer = (): Parameter<number | undefined> => ({
  type: 'integer',
  read(values) {
    const [value = ''] = values ?? []
    return value === '' ? undefined : parseInteger(value)
  },
})

/** A required number of rows or columns of a terminal. */
export const dimension = (label: 'height' | 'width'): Parameter<number> => ({
  type: 'integer',
  read(values) {
    const [value = ''] = values ?? []
    const problem = !/^-?\d+$/.test(value)
      ? 'invalid syntax'
      : outOfRange(value, 32n)
        ? 'value out of range'
        : undefined
    if (problem !== undefined) throw invalid(`invalid resize ${label} ${JSON.stringify(value)}: ${problem}`)
    return Number(value)
  },
})

/** Filters; none when absent. */
export const filters = (): Parameter<Filters> => ({ type: 'filters', read: values => Filters.parse(values?.[0] ?? '') })

/** A platform as JSON; undefined when absent or ''. More than one is refused. */
export const platform = (): Parameter<Platform | undefined> => ({
  type: 'platform',
  read(values) {
    if (values && values.length > 1) throw invalid('multiple platform parameters not supported')
    const [value = ''] = values ?? []
    return value === '' ? undefined : parsePlatform(value)
  },
})

/** Any number of platforms as JSON. */
export const platforms = (): Parameter<readonly Platform[]> => ({
  type: 'platform',
  repeated: true,
  read: values => (values ?? []).filter(value => value !== '').map(parsePlatform),
})

/** A time in seconds with an optional fraction, as nanoseconds since the epoch; undefined when absent or ''. */
export const timestamp = (): Parameter<bigint | undefined> => ({
  type: 'timestamp',
  read(values) {
    const [value = ''] = values ?? []
    return value === '' ? undefined : parseTimestamp(value)
  },
})

function outOfRange(digits: string, bits: bigint): boolean {
  const value = BigInt(digits)
  return digits.startsWith('-') || value >= 1n << bits
}

function parseInteger(value: string): number {
  const problem = !/^[+-]?\d+$/.test(value)
    ? 'invalid syntax'
    : outOfRange(value.replace(/^[+-]/, ''), 63n)
      ? 'value out of range'
      : undefined
  if (problem !== undefined) throw invalid(`strconv.Atoi: parsing ${JSON.stringify(value)}: ${problem}`)
  return Number(value)
}

function parseTimestamp(value: string): bigint {
  const point = value.indexOf('.')
  const seconds = parseInt64(point === -1 ? value : value.slice(0, point), /^[+-]?\d+$/)
  if (point === -1) return BigInt(seconds) * 1_000_000_000n
  const fraction = parseInt64(value.slice(point + 1), /^\d+$/)
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
}

// The digits as BigInt reads them.
function parseInt64(value: string, pattern: RegExp): string {
  const problem = !pattern.test(value)
    ? 'invalid syntax'
    : outOfRange(value.replace(/^[+-]/, ''), 63n)
      ? 'value out of range'
      : undefined
  if (problem !== undefined) throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(value)}: ${problem}`)
  return value.replace('+', '')
}

function parsePlatform(json: string): Platform {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch (cause) {
    throw invalid('failed to parse platform: invalid JSON', { cause })
  }
  if (!isPlatform(parsed)) throw invalid('both OS and Architecture must be provided')
  return parsed
}

const isName = (name: unknown) => typeof name === 'string' && name !== ''

function isPlatform(value: unknown): value is Platform {
  if (typeof value !== 'object' || value === null) return false
  const { os, architecture, variant } = value as Partial<Record<string, unknown>>
  return isName(os) && isName(architecture) && (variant === undefined || typeof variant === 'string')
}

/** Splits a query string (without `?`) into its values by name. Throws `invalid` for what Go's ParseQuery refuses. */
export function parseQuery(query: string): Map<string, string[]> {
  const result = new Map<string, string[]>()
  if (query === '') return result
  for (const pair of query.split('&')) {
    if (pair === '') continue
    if (pair.includes(';')) throw invalid('invalid semicolon separator in query')
    const at = pair.indexOf('=')
    const name = unescape(at < 0 ? pair : pair.slice(0, at))
    const value = at < 0 ? '' : unescape(pair.slice(at + 1))
    const values = result.get(name)
    if (values) values.push(value)
    else result.set(name, [value])
  }
  return result
}

function unescape(part: string): string {
  return decodePercent(part.includes('+') ? part.replaceAll('+', ' ') : part)
}

/** Undoes %XX. Bytes that are not UTF-8 become U+FFFD. Throws `invalid` for a % that is not followed by two digits. */
export function decodePercent(escaped: string): string {
  if (!escaped.includes('%')) return escaped
  const wrong = /%(?![0-9a-f]{2}).{0,2}/is.exec(escaped)
  if (wrong) throw invalid(`invalid URL escape ${JSON.stringify(wrong[0])}`)
  try {
    return decodeURIComponent(escaped)
  } catch {
    const bytes = escaped.replace(/%([0-9a-f]{2})|[^%]+/gi, (part, hex: string | undefined) =>
      hex === undefined ? Buffer.from(part).toString('latin1') : String.fromCharCode(Number.parseInt(hex, 16)),
    )
    return Buffer.from(bytes, 'latin1').toString()
  }
}

/** Reads `parameters` from the values of a query string. */
export function readQuery<P extends Readonly<Record<string, Parameter<unknown>>>>(
  parameters: P,
  values: ReadonlyMap<string, readonly string[]>,
): QueryOf<P> {
  const result: Record<string, unknown> = {}
  for (const name in parameters) result[name] = parameters[name]?.read(values.get(name), name)
  return result as QueryOf<P>
}
