// Values of flags in the forms Docker takes.

import { readFileSync } from 'node:fs'
import { GantryError, forbidden, invalid, messageOf, notFound } from '../lib/errors.ts'

/** A boolean as Go reads it: 1, t, true, 0, f, false in any of its spellings. */
export function parseBoolean(text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false
  throw invalid(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
}

/** A whole number, decimal. */
export function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

/** A number with at most nine decimals, which may also be written as a fraction, such as 1/2. */
export function parseDecimal(text: string): number {
  const match = /^([+-]?)(\d+\.?\d*|\.\d+)(?:e([+-]?\d+)|\/(\d+))?$/i.exec(text)
  if (!match) throw invalid(`failed to parse ${text} as a rational number`)
  const [, sign, digits, exponent = '0', divisor = '1'] = match
  const value = (Number(`${digits}e${exponent}`) / Number(divisor)) * (sign === '-' ? -1 : 1)
  const billionths = value * 1e9
  if (Math.abs(billionths - Math.round(billionths)) > 1e-6) throw invalid('value is too precise')
  return value
}

const sizeUnits = 'bkmgtp'

/** Bytes: a number with an optional unit of 1024s (b, k, m, g, t, p; `kb` and `kib` mean the same). -1 stands for itself. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([bkmgtp])?(?:i?b)?$/i.exec(text)
  if (text === '-1') return -1
  if (!match) throw invalid(`invalid size: '${text}'`)
  const [, amount, unit = 'b'] = match
  return Math.floor(Number(amount) * 1024 ** sizeUnits.indexOf(unit.toLowerCase()))
}

const nanosecondsPer: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

/** Nanoseconds of a Go duration: `1m30s`, `1.5h`, `0`. */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+|0)$/.exec(text)
  if (/^[+-]?\d+(\.\d*)?$/.test(text) && !match) throw invalid(`time: missing unit in duration ${JSON.stringify(text)}`)
  if (!match) throw invalid(`time: invalid duration ${JSON.stringify(text)}`)
  let total = 0
  for (const [, amount, unit = ''] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (nanosecondsPer[unit] ?? 0)
  }
  return match[1] === '-' ? -total : total
}

/** `key=value` texts as an object; a key alone gets an empty value. */
export function parsePairs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map(splitPair))
}

/** Splits at the first `=`; the second part is empty if there is none. */
export function splitPair(text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** The lines of files with one `KEY=value` each, without comments and blank lines. */
export function readPairFiles(paths: readonly string[]): string[] {
  return paths.flatMap(readPairFile)
}

function readPairText(path: string): string {
  try {
    return readClientFile(path)
  } catch (cause) {
    if (cause instanceof GantryError && cause.kind === 'notFound') throw cause
    throw invalid(`invalid env file (${path}): ${messageOf(cause)}`, { cause })
  }
}

function readPairFile(path: string): string[] {
  const lines = readPairText(path)
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
  const pairs = lines.map(line => line.trimStart()).filter(line => line !== '' && !line.startsWith('#'))
  for (const pair of pairs) {
    const key = splitPair(pair)[0]
    if (/\s/.test(key)) throw invalid(`invalid env file (${path}): variable '${key}' contains whitespaces`)
    if (key === '') throw invalid(`invalid env file (${path}): no variable name on line '${pair}'`)
  }
  return pairs
}

/** A text file of the user's. Throws with Docker's sentence if it can't be read. */
export function readClientFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw fileError(path, error)
  }
}

/** What went wrong with a file of the user's, as Go puts it. */
export function fileError(path: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT') return notFound(`open ${path}: no such file or directory`, { cause })
  if (code === 'EACCES') return forbidden(`open ${path}: permission denied`, { cause })
  if (code === 'EISDIR') return invalid(`read ${path}: is a directory`, { cause })
  return cause
}

/** Variables for a container: `KEY` alone is taken from `env`, and left out where that has none. */
export function resolveVariables(
  texts: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  return texts.flatMap(text => {
    if (text.includes('=')) return [text]
    return env[text] === undefined ? [] : [`${text}=${env[text]}`]
  })
}

/** Throws if a filter is not `name=value`. */
export function checkFilter(text: string): void {
  if (!text.includes('=')) throw invalid('bad format of filter (expected name=value)')
}

/** `name=value` filters as the Engine API takes them. */
export function parseFilters(texts: readonly string[]): Record<string, string[]> {
  const filters: Record<string, string[]> = {}
  for (const text of texts) {
    const [name, value] = splitPair(text)
    const list = (filters[name.trim().toLowerCase()] ??= [])
    list.push(value.trim())
  }
  return filters
}

/** The fields of a line of comma-separated values; quotes keep commas. Throws invalid for a quote in the wrong place. */
export function splitFields(line: string): string[] {
  const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))(?=,|$)/g)]
  const read = fields.reduce((length, [match]) => length + match.length, 0)
  if (read !== line.length) throw invalid('parse error on line 1: extraneous or missing " in quoted-field')
  return fields.map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain)
}
