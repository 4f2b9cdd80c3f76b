// What a verb of the CLI is, and what it is given.

import type { Readable, Writable } from 'node:stream'
import type { ReadStream, WriteStream } from 'node:tty'
import type { Client } from '../client/client.ts'
import type { Flag, FlagValues } from './flags.ts'

/** The world around a command: the engine, and the three streams with what a terminal adds to them. */
export interface Context {
  readonly client: Client
  readonly stdin: Readable & Partial<Pick<ReadStream, 'isTTY' | 'setRawMode'>>
  readonly stdout: Writable & Partial<Pick<WriteStream, 'isTTY' | 'rows' | 'columns'>>
  readonly stderr: Writable & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Verb {
  /** What follows the verb in its usage line, such as `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string
  readonly summary: string
  readonly flags: readonly Flag[]
  /** How many operands it takes. */
  readonly operands: { readonly min: number; readonly max: number }
  /** Flags end at the first operand: the rest belongs to the command in the container. */
  readonly stopAtOperand?: boolean
  /** The exit code for what fails before the container runs, and whether the message names the program. */
  readonly failure?: { readonly exitCode: number; readonly named: boolean }
  /** Does it; returns the exit code. */
  run(context: Context, flags: FlagValues, operands: readonly string[]): Promise<number>
}

/** A failure that is shown by its message alone, with exit code 1 whatever the verb. */
export class PlainFailure extends Error {
  override readonly name = 'PlainFailure'
}
