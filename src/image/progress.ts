// Lines of progress in the form that Docker's clients show (its jsonmessage format).

import type { ProgressMessage } from '../api/types/image.ts'

/** Takes one line; the stream of an answer, usually. */
export type Report = (line: ProgressMessage) => void

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const barLength = 50

/** A number of bytes as Docker writes it, with four digits that count: `1.234MB`. */
export function humanSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${Number(value.toPrecision(4))}${units[unit]}`
}

/** A line with a bar: `status` of `id` has come to `current` of `total` bytes. */
export function progressLine(id: string, status: string, current: number, total: number): ProgressMessage {
  const done = total > 0 ? Math.min(barLength, Math.floor((current / total) * barLength)) : 0
  const bar = `[${'='.repeat(done)}>${' '.repeat(barLength - done)}]`
  const progress = `${bar} ${humanSize(current).padStart(8)}/${humanSize(total)}`
  return { status, progressDetail: { current, total }, progress, id }
}
