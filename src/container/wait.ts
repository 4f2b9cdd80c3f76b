// POST /containers/{id}/wait: the exit code, by event and never by polling.

import { invalid } from '../lib/errors.ts'
import type { Container, Exit } from './model.ts'

/** What to wait for, in the Engine API's words; '' is `not-running`. */
export type WaitCondition = 'not-running' | 'next-exit' | 'removed'

/** Reads the query's `condition`; throws dockerd's error for an unknown one. */
export function parseWaitCondition(text: string | undefined): WaitCondition {
  if (text === undefined || text === '') return 'not-running'
  if (text === 'not-running' || text === 'next-exit' || text === 'removed') return text
  throw invalid(`invalid condition: "${text}"`)
}

/** Resolves when the condition holds; rejects if `signal` is aborted first. */
export async function wait(container: Container, condition: WaitCondition, signal: AbortSignal): Promise<Exit> {
  if (condition === 'removed') return container.removed.next(signal)
  if (condition === 'next-exit' || container.isActive) return container.exited.next(signal)
  const { exitCode: code, oomKilled, error } = container.state
  return { code, oomKilled, error }
}
