// Why a container did not start, in the runtime's own words.

import { GantryError } from '../lib/errors.ts'
import { numberField, parseFields } from './shim-protocol.ts'

/** The container did not start. The message is what the OCI runtime said, or what the shim could not do. */
export class StartFailure extends GantryError {
  /** The runtime's exit status; 0 if it did not fail itself. */
  readonly status: number
  /** What the runtime logged and printed, for a debug log. */
  readonly output: string

  constructor(message: string, status: number, output: string) {
    super('system', message)
    this.name = 'StartFailure'
    this.status = status
    this.output = output
  }
}

/** Makes the failure from the shim's event and the runtime's log (JSON lines) and stderr. */
export function startFailure(event: string, log: string, stderr: string): StartFailure {
  const fields = parseFields(event)
  const status = numberField(fields, 'status')
  const message = fields.get('message')?.[0] ?? lastError(log) ?? lastLine(stderr)
  return new StartFailure(message ?? `the runtime exited with status ${status}`, status, `${log}${stderr}`.trim())
}

/** The last message of the log with level error, or of any level. */
function lastError(log: string): string | undefined {
  const entries = log
    .split('\n')
    .map(parseEntry)
    .filter(entry => entry !== undefined)
  return (entries.findLast(({ level }) => level === 'error' || level === 'fatal') ?? entries.at(-1))?.msg
}

function parseEntry(line: string): { level: unknown; msg: string } | undefined {
  try {
    const entry: unknown = JSON.parse(line)
    if (typeof entry !== 'object' || entry === null || !('msg' in entry) || typeof entry.msg !== 'string')
      return undefined
    return { level: 'level' in entry ? entry.level : undefined, msg: entry.msg }
  } catch {
    // The first line may be cut off, and some runtimes write plain text at times.
    return undefined
  }
}

const lastLine = (text: string): string | undefined => text.trimEnd().split('\n').at(-1) || undefined
