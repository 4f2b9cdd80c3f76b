// Restart policies: whether a container that ended is started again, when, and how that is called off.

import type { RestartPolicy } from '../api/types/container.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'

/** Milliseconds before the first attempt; each further one waits twice as long as the one before it. */
const firstPause = 100
const longestPause = 60_000
/** A container that ran for so many seconds has recovered: pauses begin anew. */
const recovered = 10

/** Starts a container on behalf of its policy; does nothing if that was called off meanwhile. */
export type StartAgain = (engine: Engine, container: Container) => Promise<void>

/** What a policy looks at when a container has ended. */
export interface Ending {
  readonly exitCode: number
  readonly stoppedByUser: boolean
  /** How often it was started again since someone last started it. */
  readonly restartCount: number
}

/** True if `policy` wants a container that ended so started again. */
export function wantsRestart({ Name: name, MaximumRetryCount: most }: RestartPolicy, ending: Ending): boolean {
  if (name === 'always') return true
  if (name === 'unless-stopped') return !ending.stoppedByUser
  if (name !== 'on-failure' || ending.exitCode === 0) return false
  return most === 0 || ending.restartCount < most
}

/** Milliseconds to wait after a pause of `last` (0: none yet) and a run of so many seconds. */
export function nextPause(last: number, ranSeconds: number): number {
  if (last === 0 || ranSeconds >= recovered) return firstPause
  return Math.min(2 * last, longestPause)
}

/** True if the container, which has just ended, is to be started again by its policy. */
export function isToRestart({ definition, state, endAsked }: Container): boolean {
  return !endAsked && wantsRestart(definition.hostConfig.RestartPolicy, state)
}

/** Puts an ended container between two attempts. The caller holds its lock and saves its state. */
export function scheduleRestart(engine: Engine, container: Container, ranSeconds: number, again: StartAgain): void {
  container.state.phase = 'restarting'
  container.state.restartCount++
  container.lastPause = nextPause(container.lastPause, ranSeconds)
  container.nextAttempt = setTimeout(() => {
    container.nextAttempt = undefined
    again(engine, container).catch((error: unknown) => {
      engine.log.error({ container: container.id, error }, 'a container could not be restarted by its policy')
    })
  }, container.lastPause)
  // The next daemon goes on where this one ends.
  container.nextAttempt.unref()
}

/** Calls the next attempt off: the container has exited then. One that is just being made is waited for, and stays. */
export async function cancelRestart(engine: Engine, container: Container): Promise<void> {
  container.endAsked = true
  using _lock = await engine.locks.hold(container.id)
  if (container.state.phase !== 'restarting') return
  clearTimeout(container.nextAttempt)
  container.nextAttempt = undefined
  container.state.phase = 'exited'
  engine.containers.saveState(container)
  const { exitCode: code, oomKilled, error } = container.state
  container.exited.tell({ code, oomKilled, error })
}

/** Forgets past attempts: someone starts the container. */
export function beginAnew(container: Container): void {
  container.endAsked = false
  container.lastPause = 0
  container.state.restartCount = 0
}

/**
 * Keeps in mind that someone asked for the container's end. Where the policy cares, that lasts: the daemon might die
 * before the container does.
 */
export function markStopped(engine: Pick<Engine, 'containers'>, container: Container, endAsked: boolean): void {
  container.endAsked ||= endAsked
  if (container.state.stoppedByUser) return
  container.state.stoppedByUser = true
  if (container.definition.hostConfig.RestartPolicy.Name === 'unless-stopped') engine.containers.saveState(container)
}
