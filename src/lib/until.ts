// Points in time as clients write them: timestamps, dates, and durations back from now.

import { parseTime } from './clock.ts'
import { invalid } from './errors.ts'
import type { Filters } from './filters.ts'

const units: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

/** Nanoseconds of a Go duration such as `1h30m` or `1.5s`; undefined if `text` is not one. */
export function parseDuration(text: string): bigint | undefined {
  if (!/^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let nanos = 0
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    nanos += Number(number) * (units[unit ?? ''] ?? 0)
  }
  return BigInt(Math.round(text.startsWith('-') ? -nanos : nanos))
}

/**
 * Nanoseconds since the epoch of a Unix time with or without a fraction, an RFC 3339 time or a prefix of one (in the
 * host's zone unless it says), or a duration before `now`. Throws invalid.
 */
export function parseMoment(text: string, now: bigint): bigint {
  const unix = /^(\d+)(?:\.(\d{1,9})\d*)?$/.exec(text)
  if (unix) return BigInt(unix[1] ?? 0) * 1_000_000_000n + BigInt((unix[2] ?? '').padEnd(9, '0'))
  const duration = parseDuration(text)
  if (duration !== undefined) return now - duration
  const exact = parseTime(text)
  if (exact !== undefined) return exact
  const millis = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text)
  if (Number.isNaN(millis)) throw invalid(`failed to parse value as time or duration: ${JSON.stringify(text)}`)
  return BigInt(millis) * 1_000_000n
}

/** The `until` filter of prune requests; undefined if it was not given. Throws invalid if it was given twice. */
export function parseUntilFilter(filters: Filters, now: bigint): bigint | undefined {
  const [text, ...more] = filters.get('until')
  if (more.length > 0) throw invalid('more than one until filter specified')
  return text === undefined ? undefined : parseMoment(text, now)
}
