// Why a runtime could not start a process: its own words turned into those that Docker's clients know.

import { StartFailure } from '../runtime/shim.ts'
import { GantryError, type ErrorKind, firstError, messageOf } from '../lib/errors.ts'

/** What to tell the client, and the exit code that the container or exec gets: 127 not found, 126 not executable. */
export interface StartError {
  readonly kind: ErrorKind
  readonly message: string
  readonly exitCode: number
}

type Reading = { readonly pattern: RegExp; readonly exitCode: number; say(program: string): string }

const notFound = (program: string) =>
  program.includes('/')
    ? `exec: ${JSON.stringify(program)}: stat ${program}: no such file or directory`
    : `exec: ${JSON.stringify(program)}: executable file not found in $PATH`

const notExecutable = (program: string) => `exec: ${JSON.stringify(program)}: permission denied`

// crun first, then runc.
const readings: readonly Reading[] = [
  { pattern: /executable file .*not found in \$PATH/, exitCode: 127, say: notFound },
  { pattern: /exec: ".*": stat .*: no such file or directory/, exitCode: 127, say: notFound },
  { pattern: /open executable: (Permission denied|Operation not permitted)/, exitCode: 126, say: notExecutable },
  { pattern: /exec: ".*": permission denied/, exitCode: 126, say: notExecutable },
]

/** Reads a failed start of `program`. An error that no runtime gave passes through with its own kind. */
export function startError(thrown: unknown, program: string): StartError {
  const error = firstError(thrown)
  const text = messageOf(error)
  // crun takes an empty name for the current directory, which it can't execute.
  const reading = program === '' ? readings[0] : readings.find(({ pattern }) => pattern.test(text))
  if (reading) return { kind: 'invalid', message: containerStart(reading.say(program)), exitCode: reading.exitCode }
  if (error instanceof GantryError && !(error instanceof StartFailure)) {
    return { kind: error.kind, message: text, exitCode: 128 }
  }
  const message = containerStart(
    text.replace(/^(runc|crun) (run|exec) failed: /, '').replace(/^unable to start container process: /, ''),
  )
  if (/permission denied|not a directory|is a directory/i.test(text)) return { kind: 'invalid', message, exitCode: 126 }
  if (/no such file or directory/i.test(text)) return { kind: 'invalid', message, exitCode: 127 }
  return { kind: 'system', message, exitCode: 128 }
}

const containerStart = (reason: string) => `unable to start container process: ${reason}`
