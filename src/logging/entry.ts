// One entry of a log file, and what a driver makes of it.

import { parseTime } from '../lib/clock.ts'

/** An entry as the shim writes it, in json-file's format. */
export interface FileEntry {
  /** The text; it ends with a newline unless the line goes on in the next entry, or the stream ended without one. */
  readonly log: string
  readonly stream: string
  /** RFC 3339. */
  readonly time: string
  readonly attrs?: Readonly<Record<string, string>>
}

// A line may have been cut short by a full disk, or be of a damaged file.
function parseEntry(line: string): FileEntry | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isEntry(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isEntry(value: unknown): value is FileEntry {
  if (typeof value !== 'object' || value === null) return false
  const { log, stream, time, attrs } = value as Partial<FileEntry>
  if (typeof log !== 'string' || typeof stream !== 'string' || typeof time !== 'string') return false
  return attrs === undefined || (attrs !== null && Object.values(attrs).every(text => typeof text === 'string'))
}

/** The entries in lines of a log file, each with its newline; what is no entry is left out. */
export function* parseEntries(lines: Buffer): Generator<FileEntry> {
  const text = lines.toString()
  for (let start = 0, end = text.indexOf('\n'); end !== -1; start = end + 1, end = text.indexOf('\n', start)) {
    const entry = parseEntry(text.slice(start, end))
    if (entry) yield entry
  }
}

/** What is sent to a log collector: a line, or a piece of one that is too long for one entry. */
export interface LogMessage {
  /** Without a newline at its end. */
  readonly text: string
  readonly stream: 'stdout' | 'stderr'
  /** Nanoseconds since the Unix epoch. */
  readonly time: bigint
  readonly partial: PartialLine | undefined
}

/** Where a piece belongs in its line. */
export interface PartialLine {
  /** The same for all pieces of the line. */
  readonly id: string
  /** From 1. */
  readonly ordinal: number
  readonly last: boolean
}

// A line longer than this is split; a character that would be cut goes into the next piece.
const pieceSize = 16 * 1024 - 3

/** Makes messages of entries, and knows which of them are pieces of one line. One for each log, read from its beginning. */
export class MessageMaker {
  readonly #open = new Map<string, { id: string; ordinal: number }>()

  /** The message of an entry; undefined for one without a time, which no shim writes. */
  make({ log, stream, time }: FileEntry): LogMessage | undefined {
    const at = parseTime(time)
    if (at === undefined) return undefined
    const ends = log.endsWith('\n')
    return {
      text: ends ? log.slice(0, -1) : log,
      stream: stream === 'stderr' ? 'stderr' : 'stdout',
      time: at,
      partial: this.#piece(stream, at, ends || Buffer.byteLength(log) < pieceSize),
    }
  }

  #piece(stream: string, time: bigint, last: boolean): PartialLine | undefined {
    const begun = this.#open.get(stream)
    if (!begun && last) return undefined
    const { id, ordinal } = begun ?? { id: `${stream}-${time}`, ordinal: 1 }
    if (last) this.#open.delete(stream)
    else this.#open.set(stream, { id, ordinal: ordinal + 1 })
    return { id, ordinal, last }
  }
}
