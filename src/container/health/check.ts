// What a container's health check is: the request's and image's words with dockerd's defaults.

import type { Healthcheck } from '../../api/types/container.ts'
import type { Definition } from '../model.ts'
import { type NativeTarget, parseNativeTarget } from './native-target.ts'

const millisecond = 1e6

/** A program in the container, or what is reached inside its network namespace. */
export type Probe =
  | { readonly argv: readonly string[]; readonly target?: undefined }
  | { readonly argv?: undefined; readonly target: NativeTarget }

/** A check that is to be run. Times in milliseconds. */
export interface HealthCheck {
  readonly probe: Probe
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
  const probe = probeOf(check?.Test ?? [], config.Shell?.length ? config.Shell : defaultShell)
  if (!check || !probe) return undefined
  return {
    probe,
    interval: milliseconds(check.Interval, 30_000),
    timeout: milliseconds(check.Timeout, 30_000),
    startPeriod: milliseconds(check.StartPeriod, 0),
    startInterval: milliseconds(check.StartInterval, 5_000),
    retries: check.Retries || 3,
  }
}

function probeOf([kind, ...words]: NonNullable<Healthcheck['Test']>, shell: readonly string[]): Probe | undefined {
  if (kind === 'CMD') return { argv: words }
  if (kind === 'CMD-SHELL') return { argv: [...shell, ...words] }
  if (kind === 'HTTP' || kind === 'TCP') return { target: parseNativeTarget(targetText(kind, words)) }
  return undefined
}

/** What a test of kind HTTP or TCP is aimed at, as a URL: both may be given without `http://` or `tcp://`. */
export function targetText(kind: 'HTTP' | 'TCP', [text = '']: readonly string[]): string {
  const scheme = `${kind.toLowerCase()}://`
  return text.startsWith(scheme) ? text : scheme + text
}

const milliseconds = (nanos: number | undefined, whenAbsent: number) => (nanos ? nanos / millisecond : whenAbsent)
