// The health checks of all containers: who is probed when, and what becomes of the results.

import { availableParallelism } from 'node:os'
import type { HealthcheckResult } from '../../api/types/container.ts'
import { formatTime, parseTime } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { Engine } from '../engine.ts'
import { containerEvent } from '../events.ts'
import type { Container } from '../model.ts'
import { type HealthCheck, healthCheckOf } from './check.ts'
import type { HealthChecks } from './checks.ts'
import { type ProbeResult, runCommandProbe } from './command-probe.ts'
import { runNativeProbe } from './native-probe.ts'
import { actOnFailure } from './on-failure.ts'
import { Schedule, type Timer } from './schedule.ts'
import { Slots } from './slots.ts'
import { afterProbe, pauseBefore, unwatchedHealth } from './state.ts'

/** A container that is watched. */
interface Watch {
  readonly container: Container
  readonly check: HealthCheck
  /** What waits for the time of the next probe. */
  next: Disposable | undefined
  /** Ends the probe that runs. */
  probe: AbortController | undefined
}

/** Probes by one timer; each container has one probe at a time, its next one a pause after the end of the last. */
export class ProbingHealthChecks implements HealthChecks {
  readonly #engine: () => Engine
  readonly #schedule: Schedule
  readonly #starts = new Slots(2 * availableParallelism())
  readonly #watches = new Map<Container, Watch>()
  readonly counts = { run: 0, failed: 0 }

  /** `engine` is called once the first container is watched. */
  constructor(engine: () => Engine, timer: Timer) {
    this.#engine = engine
    this.#schedule = new Schedule(timer)
  }

  watch(container: Container): void {
    const check = healthCheckOf(container.definition)
    if (!check || !container.state.health || container.state.phase !== 'running') return
    this.#end(container)
    const watch = { container, check, next: undefined, probe: undefined }
    this.#watches.set(container, watch)
    this.#plan(watch)
  }

  leave(container: Container): void {
    if (this.#end(container) && container.state.health) container.state.health = unwatchedHealth(container.state.health)
  }

  #end(container: Container): boolean {
    const watch = this.#watches.get(container)
    if (!watch) return false
    this.#watches.delete(container)
    watch.next?.[Symbol.dispose]()
    watch.probe?.abort()
    return true
  }

  #plan(watch: Watch): void {
    const { health } = watch.container.state
    if (!health || this.#watches.get(watch.container) !== watch) return
    const pause = pauseBefore(health, watch.check, this.#sinceStart(watch.container, this.#engine().clock.now()))
    watch.next = this.#schedule.after(pause, () => {
      watch.next = undefined
      this.#probe(watch).catch((error: unknown) => {
        this.#engine().log.error({ container: watch.container.id, error }, 'a health check could not be settled')
      })
    })
  }

  #sinceStart({ state }: Container, now: bigint): number {
    return Number(now - (parseTime(state.startedAt) ?? now)) / 1e6
  }

  async #probe(watch: Watch): Promise<void> {
    const { clock } = this.#engine()
    const started = clock.now()
    if (isFrozen(watch.container)) return this.#plan(watch)
    const { signal } = (watch.probe = new AbortController())
    const { exitCode, output } = await this.#run(watch, signal)
    watch.probe = undefined
    if (signal.aborted) return
    if (isFrozen(watch.container)) return this.#plan(watch)
    const result = { Start: formatTime(started), End: formatTime(clock.now()), ExitCode: exitCode, Output: output }
    try {
      this.#record(watch, result, this.#sinceStart(watch.container, started))
    } finally {
      this.#plan(watch)
    }
  }

  async #run({ container, check: { probe, timeout } }: Watch, signal: AbortSignal): Promise<ProbeResult> {
    try {
      const limits = { timeout, signal, schedule: this.#schedule, starts: this.#starts }
      if (probe.target) return await runNativeProbe(container, probe.target, limits)
      return await runCommandProbe(this.#engine(), container, probe.argv, limits)
    } catch (error) {
      if (!signal.aborted) this.counts.failed++
      return { exitCode: -1, output: messageOf(error) }
    }
  }

  #record({ container, check }: Watch, result: HealthcheckResult, sinceStart: number): void {
    this.counts.run++
    const before = container.state.health
    if (!before) return
    const after = afterProbe(before, result, check, sinceStart)
    container.state.health = after
    if (after.Status !== before.Status) containerEvent(this.#engine(), container, `health_status: ${after.Status}`)
    this.#engine().containers.savePassing(container)
    if (after.Status === 'unhealthy' && before.Status !== 'unhealthy') actOnFailure(this.#engine(), container)
  }
}

// For a moment, by a commit: nothing in it can answer. Who pauses a container has its probes ended.
const isFrozen = ({ state }: Container) => state.phase === 'paused'
