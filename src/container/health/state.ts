// A container's health as its probes tell it. Pure: results in, health out.

import type { Health, HealthcheckResult } from '../../api/types/container.ts'
import type { Container } from '../model.ts'
import { type HealthCheck, healthCheckOf } from './check.ts'

/** As many results are kept. */
const longestLog = 5

/** The health of a container that starts, if it has a check; the results of earlier runs stay for the reader. */
export function healthAtStart({ definition, state }: Pick<Container, 'definition' | 'state'>): { health?: Health } {
  if (!healthCheckOf(definition)) return {}
  return { health: { Status: 'starting', FailingStreak: 0, Log: state.health?.Log ?? [] } }
}

/** The health of a container whose check does not go on: that is what dockerd calls it. */
export function unwatchedHealth(before: Health): Health {
  return { ...before, Status: 'unhealthy' }
}

/** The health after one more probe, which began `sinceStart` milliseconds after the container's start. */
export function afterProbe(before: Health, result: HealthcheckResult, check: HealthCheck, sinceStart: number): Health {
  const Log = [...(before.Log ?? []), result].slice(-longestLog)
  if (result.ExitCode === 0) return { Status: 'healthy', FailingStreak: 0, Log }
  // Until it has been healthy once, a container may fail all through its start period.
  if (before.Status === 'starting' && sinceStart < check.startPeriod) return { ...before, Log }
  const FailingStreak = before.FailingStreak + 1
  return { Status: FailingStreak >= check.retries ? 'unhealthy' : before.Status, FailingStreak, Log }
}

/** Milliseconds from now to the next probe, `sinceStart` milliseconds after the container's start. */
export function pauseBefore(health: Health, check: HealthCheck, sinceStart: number): number {
  const starts = health.Status === 'starting' && sinceStart < check.startPeriod
  return starts ? check.startInterval : check.interval
}
