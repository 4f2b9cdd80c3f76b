// What the verbs tell the health checks.

import type { Container } from '../model.ts'

/** Runs the health checks of running containers. */
export interface HealthChecks {
  /** How many probes were run since the daemon began, and how many of them could not be run. */
  readonly counts: { readonly run: number; readonly failed: number }
  /** Probes a container from now on, if it has a check: it has started, goes on, or was found running. */
  watch(container: Container): void
  /** Leaves a container alone: it has stopped or is paused. A probe that runs is ended, its result forgotten. */
  leave(container: Container): void
}
