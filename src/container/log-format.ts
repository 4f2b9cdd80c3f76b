// A log as the Engine API shows it: which of its lines, and in which form.

import { formatTime, parseTime } from '../lib/clock.ts'
import { type FileEntry, parseEntries } from '../logging/entry.ts'

/** What of a log to show, and how. Times are nanoseconds since the Unix epoch. */
export interface LogQuery {
  readonly stdout: boolean
  readonly stderr: boolean
  readonly since: bigint | undefined
  readonly until: bigint | undefined
  /** How many lines from the end; all if undefined. */
  readonly tail: number | undefined
  readonly follow: boolean
  readonly timestamps: boolean
  readonly details: boolean
}

/** The bytes of a frame's header in Docker's multiplexed stream. */
const headerSize = 8
const firstSize = 256 * 1024

/** Turns lines of a log file into what a client gets: multiplexed frames, or bare text of a container with a terminal. */
export class LogFormat {
  readonly #query: LogQuery
  readonly #since: string
  readonly #until: string
  readonly #tty: boolean
  #output = Buffer.allocUnsafeSlow(firstSize)
  #length = 0

  constructor(query: LogQuery, tty: boolean) {
    this.#query = query
    this.#since = secondsOf(query.since ?? 0n)
    this.#until = secondsOf(query.until ?? 0n)
    this.#tty = tty
  }

  /**
   * The output for the next lines, and whether it is the last: later lines are past `until`. The bytes are good until the
   * next call.
   */
  show(lines: Buffer): { output: Buffer; done: boolean } {
    this.#length = 0
    for (const entry of parseEntries(lines)) {
      const place = this.#place(entry)
      if (place === 'after') return { output: this.#shown, done: true }
      if (place === 'within' && this.#query[entry.stream === 'stderr' ? 'stderr' : 'stdout']) this.#add(entry)
    }
    return { output: this.#shown, done: false }
  }

  get #shown(): Buffer {
    return this.#output.subarray(0, this.#length)
  }

  #place({ time: text }: FileEntry): 'before' | 'within' | 'after' {
    const { since, until } = this.#query
    if (since !== undefined && this.#compare(text, this.#since, since) < 0) return 'before'
    return until !== undefined && this.#compare(text, this.#until, until) > 0 ? 'after' : 'within'
  }

  // By text as far as the seconds tell, which is much faster. Positive if the entry's time is the later one.
  #compare(text: string, seconds: string, nanos: bigint): number {
    const own = text.slice(0, seconds.length)
    if (own !== seconds) return own < seconds ? -1 : 1
    const time = parseTime(text) ?? nanos
    return time < nanos ? -1 : Number(time > nanos)
  }

  #add(entry: FileEntry) {
    const text = this.#prefix(entry) + entry.log
    // A character takes three bytes at most, or four together with its other half.
    this.#makeRoom(headerSize + 3 * text.length)
    const start = this.#length + (this.#tty ? 0 : headerSize)
    const length = this.#output.write(text, start)
    if (!this.#tty) writeHeader(this.#output, this.#length, entry.stream, length)
    this.#length = start + length
  }

  #makeRoom(size: number) {
    if (this.#length + size <= this.#output.length) return
    const larger = Buffer.allocUnsafeSlow(2 * (this.#length + size))
    this.#shown.copy(larger)
    this.#output = larger
  }

  #prefix({ time, attrs }: FileEntry): string {
    const { timestamps, details } = this.#query
    return `${timestamps ? `${fixedTime(time)} ` : ''}${details ? `${detailsOf(attrs ?? {})} ` : ''}`
  }
}

/** The header of a frame of Docker's multiplexed stream: 1 for stdout, 2 for stderr, and the length in bytes. */
export function frameHeader(stream: string, length: number): Buffer {
  const header = Buffer.alloc(headerSize)
  writeHeader(header, 0, stream, length)
  return header
}

function writeHeader(output: Buffer, at: number, stream: string, length: number) {
  output.writeUInt32BE(stream === 'stderr' ? 0x02000000 : 0x01000000, at)
  output.writeUInt32BE(length, at + 4)
}

// RFC 3339 with all nine digits, so that columns line up.
function fixedTime(time: string): string {
  const [seconds = '', fraction = ''] = time.replace(/Z$/, '').split('.')
  return `${seconds}.${fraction.padEnd(9, '0')}Z`
}

function detailsOf(attributes: Readonly<Record<string, string>>): string {
  return Object.keys(attributes)
    .toSorted()
    .map(key => `${queryEscape(key)}=${queryEscape(attributes[key] ?? '')}`)
    .join(',')
}

// As entries have them, without a fraction. Years have four digits there.
const lastMoment = 253_402_300_799_999_999_999n

function secondsOf(nanos: bigint): string {
  const bounded = nanos < 0n ? 0n : nanos > lastMoment ? lastMoment : nanos
  return formatTime(bounded).slice(0, 19)
}

// As Go's url.QueryEscape has it.
function queryEscape(text: string): string {
  const escaped = encodeURIComponent(text.toWellFormed()).replaceAll('%20', '+')
  return escaped.replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
}
