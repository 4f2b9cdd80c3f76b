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
    // A byte a character: what needs no change goes as it is, whatever it is in.
    const text = lines.toString('latin1')
    let plain = ''
    for (let start = 0, end = text.indexOf('\n'); end !== -1; start = end + 1, end = text.indexOf('\n', start)) {
      const line = this.#query.details ? undefined : plainLine(text, start, end)
      if (line) {
        const place = this.#place(line.time)
        if (place === 'after') return { output: this.#withPlain(plain), done: true }
        if (place === 'within' && this.#query[line.stream]) plain += this.#framed(line)
        continue
      }
      this.#withPlain(plain)
      plain = ''
      for (const entry of parseEntries(lines.subarray(start, end + 1))) {
        const place = this.#place(entry.time)
        if (place === 'after') return { output: this.#shown, done: true }
        if (place === 'within' && this.#query[entry.stream === 'stderr' ? 'stderr' : 'stdout']) this.#add(entry)
      }
    }
    return { output: this.#withPlain(plain), done: false }
  }

  #withPlain(plain: string): Buffer {
    this.#makeRoom(plain.length)
    this.#length += this.#output.write(plain, this.#length, 'latin1')
    return this.#shown
  }

  #framed({ log, stream, time }: PlainLine): string {
    const shown = this.#query.timestamps ? `${fixedTime(time)} ${log}\n` : `${log}\n`
    return this.#tty ? shown : headerText(stream, shown.length) + shown
  }

  get #shown(): Buffer {
    return this.#output.subarray(0, this.#length)
  }

  #place(text: string): 'before' | 'within' | 'after' {
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

/** A line whose text is shown as it is in the file. */
interface PlainLine {
  /** Without the newline. */
  readonly log: string
  readonly stream: 'stdout' | 'stderr'
  readonly time: string
}

const before = '{"log":"'
const behindLog = '","stream":"std'
const behindStream = '","time":"'
const behindTime = '"}'

// Most lines have no other backslash than that of the newline at their end, and no attributes: they need no JSON parser, which
// would take most of the time. Undefined for any other.
function plainLine(text: string, start: number, end: number): PlainLine | undefined {
  if (!text.startsWith(before, start)) return undefined
  const logEnd = text.indexOf('\\', start)
  const isPlain = text[logEnd + 1] === 'n' && text.indexOf('"', start + before.length) === logEnd + 2
  if (!isPlain || !text.startsWith(behindLog, logEnd + 2)) return undefined
  const at = logEnd + 2 + behindLog.length
  const stream = text[at] === 'o' ? 'stdout' : 'stderr'
  if (!text.startsWith(stream.slice('std'.length), at) || !text.startsWith(behindStream, at + 3)) return undefined
  const timeStart = at + 3 + behindStream.length
  const timeEnd = end - behindTime.length
  if (timeEnd <= timeStart || !text.startsWith(behindTime, timeEnd) || text.indexOf('"', timeStart) !== timeEnd)
    return undefined
  return { log: text.slice(start + before.length, logEnd), stream, time: text.slice(timeStart, timeEnd) }
}

// Of short lines, which most are, by length.
const headerTexts: Readonly<Record<'stdout' | 'stderr', string[]>> = { stdout: [], stderr: [] }
const longestKnown = 1000

function headerText(stream: 'stdout' | 'stderr', length: number): string {
  if (length > longestKnown) return frameHeader(stream, length).toString('latin1')
  return (headerTexts[stream][length] ??= frameHeader(stream, length).toString('latin1'))
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
