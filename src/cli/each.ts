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
): Promise<number> {
  const results = await Promise.allSettled(names.map(act))
  let exitCode = 0
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') context.stdout.write(`${result.value ?? names[index]}\n`)
    else {
      context.stderr.write(`${describe(result.reason)}\n`)
      exitCode = 1
    }
  }
  return exitCode
}

const describe = (error: unknown) =>
  error instanceof EngineError ? `Error response from daemon: ${error.message}` : messageOf(error)
