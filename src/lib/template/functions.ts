// The functions of Docker's templates, and how their values print.

import { invalid } from '../errors.ts'

type TemplateFunction = (...values: readonly unknown[]) => unknown

const functions: Readonly<Record<string, TemplateFunction>> = {
  json: value => goJson(value),
  split: (text, separator) => String(text).split(String(separator)),
  join: (list, separator) => listOf(list).map(show).join(String(separator)),
  title: text =>
    String(text).replace(/(^|[^\p{L}\p{N}_'])(\p{L})/gu, (_all, before, letter) => before + letter.toUpperCase()),
  lower: text => String(text).toLowerCase(),
  upper: text => String(text).toUpperCase(),
  pad: (text, before, after) => spaces(before) + String(text) + spaces(after),
  truncate: (text, length) => String(text).slice(0, Number(length)),
  table: text => text,
  print: (...values) => values.map(show).join(' '),
  println: (...values) => `${values.map(show).join(' ')}\n`,
  printf: (format, ...values) => formatText(String(format), values),
  len: value => lengthOf(value),
  index: (value, ...keys) => keys.reduce(indexOne, value),
  slice: (value, from, to) => sliceOf(value, from, to),
  not: value => !isTrue(value),
  and: (...values) => values.find(value => !isTrue(value)) ?? values.at(-1),
  or: (...values) => values.find(isTrue) ?? values.at(-1),
  eq: (first, ...others) => others.some(other => same(first, other)),
  ne: (a, b) => !same(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
}

// A template may come from a client of the daemon: what it pads is bounded.
const spaces = (count: unknown) => ' '.repeat(Math.min(Math.max(0, Math.trunc(Number(count)) || 0), 1000))

/** Calls a template function; throws invalid if there is none of that name. */
export function callFunction(name: string, values: readonly unknown[]): unknown {
  const found = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (!found) throw invalid(`template parsing error: template: :1: function "${name}" not defined`)
  return found(...values)
}

/** Go's idea of true: not empty, not zero, not nil. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (value !== null && typeof value === 'object') return Object.keys(value).length > 0
  return Boolean(value)
}

/** A value as Go's fmt prints it: `[a b]`, `map[k:v]`, `<no value>`. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return '<no value>'
  if (Array.isArray(value)) return `[${value.map(showInner).join(' ')}]`
  if (typeof value !== 'object') return String(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `map[${entries.map(([key, item]) => `${key}:${showInner(item)}`).join(' ')}]`
}

const showInner = (value: unknown) => (value === null ? '<nil>' : show(value))

/** JSON as docker's templates write it: nothing is null, and `<`, `>` and `&` stand as they are. */
export const goJson = (value: unknown): string => JSON.stringify(value ?? null)

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (value !== null && typeof value === 'object') return Object.keys(value).length
  throw invalid(`template: :1: executing "" at <len>: error calling len: len of nil pointer`)
}

function indexOne(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    if (Number(key) in value) return value[Number(key)]
    throw invalid(`template: :1: executing "" at <index>: error calling index: index out of range: ${show(key)}`)
  }
  if (value === null || value === undefined) {
    throw invalid('template: :1: executing "" at <index>: error calling index: index of untyped nil')
  }
  return typeof value === 'object' && Object.hasOwn(value, String(key)) ? Reflect.get(value, String(key)) : undefined
}

function sliceOf(value: unknown, from: unknown, to: unknown): unknown {
  const range: [number, number?] = [Number(from ?? 0), to === undefined ? undefined : Number(to)]
  return Array.isArray(value) ? value.slice(...range) : String(value).slice(...range)
}

const same = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b)

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return String(a) < String(b) ? -1 : Number(String(a) > String(b))
}

// %s %v %d %q %t %x %f with width, zero padding, precision and left alignment.
function formatText(format: string, values: readonly unknown[]): string {
  let next = 0
  return format.replace(/%(-?)(0?)(\d*)(?:\.(\d+))?([a-zA-Z%])/g, (_all, left, zero, width, precision, verb) => {
    if (verb === '%') return '%'
    if (next >= values.length) return `%!${verb}(MISSING)`
    const text = formatOne(verb, values[next++], precision)
    const size = Math.min(Number(width), 1000)
    if (left) return text.padEnd(size)
    return text.padStart(size, zero ? '0' : ' ')
  })
}

function formatOne(verb: string, value: unknown, precision: string | undefined): string {
  if (verb === 'q') return JSON.stringify(String(value))
  if (verb === 'f') return Number(value).toFixed(Math.min(Number(precision ?? 6), 100))
  if (verb === 'x') return typeof value === 'number' ? value.toString(16) : Buffer.from(String(value)).toString('hex')
  const text = show(value)
  return precision === undefined ? text : text.slice(0, Number(precision))
}
