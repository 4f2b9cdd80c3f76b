// The events on disk: lines appended to a file that is replaced by the next when it is full, so that the two have a bound.

import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, renameSync, writeSync } from 'node:fs'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { EngineEvent, EventType } from './event.ts'

/** Bytes of one of the two files. */
export const segmentSize = 4 * 1024 * 1024
const tailSize = 256 * 1024
// A command may be as long as one likes; its event is told, and not kept.
const longestLine = tailSize / 2

type Line = [time: string, type: EventType, action: string, id: string, attributes: Record<string, string>]

/**
 * Keeps events over the end of the daemon. They are not synced: a power cut may take the last. On a full disk events are
 * not kept; whoever listens hears of them all the same.
 */
export class EventJournal implements Disposable {
  readonly #path: string
  readonly #before: string
  readonly #limit: number
  #file: number
  #size: number
  /** Nanoseconds since the epoch of the last event that is kept; 0 if none is. */
  readonly lastTime: bigint

  /** Opens the journal in `directory`, which is made; what a dying daemon left of a line is cut off. */
  constructor(directory: string, limit = segmentSize) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    this.#path = join(directory, 'events.jsonl')
    this.#before = join(directory, 'events.1.jsonl')
    this.#limit = limit
    this.#file = openSync(this.#path, 'a+', 0o600)
    const { size } = fstatSync(this.#file)
    const start = Math.max(0, size - tailSize)
    const buffer = Buffer.alloc(size - start)
    const tail = buffer.subarray(0, readSync(this.#file, buffer, 0, buffer.length, start))
    const end = tail.lastIndexOf(0x0a) + 1
    this.#size = start + end
    if (this.#size < size) ftruncateSync(this.#file, this.#size)
    const lines = tail.toString('utf8', 0, end).trimEnd().split('\n')
    this.lastTime = parseLine(lines.at(-1) ?? '')?.time ?? this.#lastBefore()
  }

  // The file before it ends with a whole line.
  #lastBefore(): bigint {
    const file = openIfThere(this.#before)
    if (file === undefined) return 0n
    try {
      const { size } = fstatSync(file)
      const buffer = Buffer.alloc(Math.min(size, tailSize))
      readSync(file, buffer, 0, buffer.length, size - buffer.length)
      return parseLine(buffer.toString().trimEnd().split('\n').at(-1) ?? '')?.time ?? 0n
    } finally {
      closeSync(file)
    }
  }

  /** Keeps an event. */
  append({ time, type, action, id, attributes }: EngineEvent): void {
    const line: Line = [String(time), type, action, id, attributes]
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
    if (bytes.length > longestLine) return
    try {
      if (this.#size > 0 && this.#size + bytes.length > this.#limit) this.#rotate()
      const written = writeSync(this.#file, bytes)
      // A part of a line would spoil the next one.
      if (written < bytes.length) ftruncateSync(this.#file, this.#size)
      else this.#size += written
    } catch (error) {
      if (!hasCode(error, 'ENOSPC', 'EDQUOT', 'EIO')) throw error
    }
  }

  #rotate() {
    renameSync(this.#path, this.#before)
    const next = openSync(this.#path, 'a+', 0o600)
    closeSync(this.#file)
    this.#file = next
    this.#size = 0
  }

  /** The kept events after the moment `after`, oldest first. Reads only as fast as it is asked. */
  async *read(after: bigint): AsyncGenerator<EngineEvent, void> {
    // Opened together, so that nothing is missed if one becomes the other meanwhile.
    const files = [this.#before, this.#path].map(openIfThere).filter(fd => fd !== undefined)
    const inputs = files.map(fd => createReadStream('', { fd, start: 0 }))
    let last = after
    try {
      for (const input of inputs) {
        for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
          const event = parseLine(line)
          if (!event || event.time <= last) continue
          last = event.time
          yield event
        }
      }
    } finally {
      // Whoever leaves early leaves the rest unread.
      for (const input of inputs) input.destroy()
    }
  }

  [Symbol.dispose]() {
    closeSync(this.#file)
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function parseLine(text: string): EngineEvent | undefined {
  try {
    const [time, type, action, id, attributes] = JSON.parse(text) as Line
    return { time: BigInt(time), type, action, id, attributes }
  } catch {
    return undefined
  }
}

const hasCode = (error: unknown, ...codes: readonly string[]) =>
  error instanceof Error && 'code' in error && codes.includes(String(error.code))
