// What a health check may say.

import type { Healthcheck } from '../api/types/container.ts'
import { invalid } from '../lib/errors.ts'

const durations = ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const
const millisecond = 1e6

/** Throws dockerd's errors for durations that are too short, and a negative number of retries. */
export function checkHealthcheck(check: Healthcheck | undefined): void {
  if (!check) return
  for (const name of durations) {
    const nanos = check[name] ?? 0
    if (nanos !== 0 && nanos < millisecond) throw invalid(`${name} in Healthcheck cannot be less than 1ms`)
  }
  if ((check.Retries ?? 0) < 0) throw invalid('Retries in Healthcheck cannot be negative')
}
