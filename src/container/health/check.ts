// What a container's health check is: the request's and image's words with dockerd's defaults.

import type { Healthcheck } from '../../api/types/container.ts'
import type { Definition } from '../model.ts'

const millisecond = 1e6

/** A check that is to be run. Times in milliseconds. */
export interface HealthCheck {
  /** The argument vector of the probe. */
  readonly argv: readonly string[]
  /** Between the end of a probe and the next one. */
  readonly interval: number
  /** That one probe may take, not counting the time its process takes to start. */
  readonly timeout: number
  /** From the container's start: failures don't count in it until the first success. */
  readonly startPeriod: number
  /** Takes the interval's place in the start period until the first success. */
  readonly startInterval: number
  /** So many failures in a row make a container unhealthy. */
  readonly retries: number
}

const defaultShell = ['/bin/sh', '-c']

/** The check of a container; undefined if it has none, or one of a kind that isn't known. */
export function healthCheckOf({ config }: Pick<Definition, 'config'>): HealthCheck | undefined {
  const check = config.Healthcheck
  const argv = argvOf(check?.Test ?? [], config.Shell?.length ? config.Shell : defaultShell)
  if (!check || !argv) return undefined
  return {
    argv,
    interval: milliseconds(check.Interval, 30_000),
    timeout: milliseconds(check.Timeout, 30_000),
    startPeriod: milliseconds(check.StartPeriod, 0),
    startInterval: milliseconds(check.StartInterval, 5_000),
    retries: check.Retries || 3,
  }
}

function argvOf([kind, ...words]: NonNullable<Healthcheck['Test']>, shell: readonly string[]) {
  if (kind === 'CMD') return words
  if (kind === 'CMD-SHELL') return [...shell, ...words]
  return undefined
}

const milliseconds = (nanos: number | undefined, whenAbsent: number) => (nanos ? nanos / millisecond : whenAbsent)
