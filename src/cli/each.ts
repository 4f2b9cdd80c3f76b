// Verbs that do one thing to each of several names.

import { EngineError } from '../client/client.ts'
import { messageOf } from '../lib/errors.ts'
import type { Context } from './verb.ts'

/**
 * Does `act` for all names at once and prints each name, or what `act` returns, in their order. One failure does not
 * keep the others from being done; returns 1 if there was any.
 */
export async function forEach(
  context: Context,
  names: readonly string[],
  act: (name: string) => Promise<string | void>,
  /** What is already as it should be is told, and no failure. */
  forgives: (error: unknown) => boolean = () => false,
): Promise<number> {
  const results = await Promise.allSettled(names.map(act))
  let exitCode = 0
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') context.stdout.write(`${result.value ?? names[index]}\n`)
    else {
      context.stderr.write(`${describeFailure(result.reason)}\n`)
      if (!forgives(result.reason)) exitCode = 1
    }
  }
  return exitCode
}

/** For --force: what is not there needs no removal. */
export const isNotFound = (error: unknown): boolean => error instanceof EngineError && error.status === 404

/** The sentence for a failure; what the engine refused is marked as such, as docker does. */
export const describeFailure = (error: unknown): string =>
  error instanceof EngineError ? `Error response from daemon: ${error.message}` : messageOf(error)
