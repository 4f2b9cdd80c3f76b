// Values of log options, read as Go reads them.

import { invalid } from '../lib/errors.ts'

/** True or false in any of Go's spellings; undefined for anything else. strconv.ParseBool. */
export function readBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false
  return undefined
}

/** As `readBoolean`; throws invalid with Go's text. */
export function parseBoolean(text: string): boolean {
  const value = readBoolean(text)
  if (value === undefined) throw invalid(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
  return value
}

/** A decimal integer that Go's int can hold exactly here; undefined for anything else. */
export function readInteger(text: string): number | undefined {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : undefined
}

/** As `readInteger`; throws invalid with Go's text for `call`, such as `Atoi`. */
export function parseInteger(text: string, call: string): number {
  const value = readInteger(text)
  if (value === undefined) throw invalid(`strconv.${call}: parsing ${JSON.stringify(text)}: invalid syntax`)
  return value
}
