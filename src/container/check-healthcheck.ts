// What a health check may say.

import type { ContainerConfig } from '../api/types/container.ts'
import { invalid } from '../lib/errors.ts'
import { targetText } from './health/check.ts'
import { failureAction } from './health/labels.ts'
import { parseNativeTarget } from './health/native-target.ts'

const durations = ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const
const millisecond = 1e6

/** Throws dockerd's errors for durations that are too short and a negative number of retries, and invalid for what isn't Docker's. */
export function checkHealthcheck({
  Healthcheck: check,
  Labels,
}: Pick<ContainerConfig, 'Healthcheck' | 'Labels'>): void {
  failureAction(Labels)
  if (!check) return
  for (const name of durations) {
    const nanos = check[name] ?? 0
    if (nanos !== 0 && nanos < millisecond) throw invalid(`${name} in Healthcheck cannot be less than 1ms`)
  }
  const [kind, ...words] = check.Test ?? []
  if (kind === 'HTTP' || kind === 'TCP') parseNativeTarget(targetText(kind, words))
  if ((check.Retries ?? 0) < 0) throw invalid('Retries in Healthcheck cannot be negative')
}
