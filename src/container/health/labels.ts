// Labels by which any client can ask for what Docker's health checks don't have.

import type { ContainerConfig } from '../../api/types/container.ts'
import { invalid } from '../../lib/errors.ts'
import { parseNativeTarget } from './native-target.ts'

/** Of a probe without a program: `http://localhost:80/path` or `tcp://localhost:6379`. */
export const probeLabel = 'gantry.healthcheck'
/** Of what to do about a container that has become unhealthy. */
export const onFailureLabel = 'gantry.health-on-failure'

const actions = ['none', 'kill', 'restart', 'stop'] as const
/** What is done about a container that has become unhealthy. */
export type FailureAction = (typeof actions)[number]

type Labels = ContainerConfig['Labels']

/**
 * The health check of a container's configuration: a probe label of the request replaces any test, one of the image any
 * but the request's. Throws invalid for a label that can't be read.
 */
export function withProbeLabel(config: ContainerConfig, asked: ContainerConfig): ContainerConfig['Healthcheck'] {
  const own = asked.Labels?.[probeLabel]
  const label = asked.Healthcheck?.Test?.length ? own : config.Labels?.[probeLabel]
  if (!label || asked.Healthcheck?.Test?.[0] === 'NONE') return config.Healthcheck
  const { protocol } = parseNativeTarget(label)
  return { ...config.Healthcheck, Test: [protocol.toUpperCase(), label] }
}

/** What the label says; `none` without one. Throws invalid for anything else. */
export function failureAction(labels: Labels): FailureAction {
  const text = labels?.[onFailureLabel] || 'none'
  const action = actions.find(known => known === text)
  if (action) return action
  throw invalid(`invalid label ${onFailureLabel}=${text}: it is one of ${actions.join(', ')}`)
}
