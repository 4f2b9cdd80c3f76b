// Points in time as --since and --until take them.

import { invalid } from '../lib/errors.ts'
import { parseDuration } from './values.ts'

/**
 * The Engine API's form `seconds.nanoseconds` of a Unix time, a date (local unless it has a zone) or a duration before
 * `now` (milliseconds). Throws invalid with Docker's text, which names the flag by `what`.
 */
export function parseTimestamp(text: string, now: number, what: string): string {
  if (/^\d+(\.\d{1,9})?$/.test(text)) return text
  const relative = durationOf(text)
  if (relative !== undefined) return seconds(now - relative / 1e6)
  const full = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text
  const time = /^\d{4}-\d\d-\d\dT/.test(full) ? Date.parse(full) : Number.NaN
  if (Number.isNaN(time))
    throw invalid(`invalid value for "${what}": failed to parse value as time or duration: "${text}"`)
  return seconds(time, /\.(\d+)/.exec(full)?.[1])
}

function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text)
  } catch {
    return undefined
  }
}

function seconds(milliseconds: number, fraction?: string): string {
  const digits = fraction ?? String(Math.floor(milliseconds) % 1000).padStart(3, '0')
  return `${Math.floor(milliseconds / 1000)}.${digits.slice(0, 9).padEnd(9, '0')}`
}
