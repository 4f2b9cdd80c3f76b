// What an engine tells while it works, as docker's CLI shows it: on a terminal a line for each layer, that changes in place.

import type { Writable } from 'node:stream'
import type { ProgressMessage } from '../../api/types/image.ts'
import { system } from '../../lib/errors.ts'
import { humanSize } from './units.ts'

export interface ProgressOutput {
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  /** Takes what is not for people. */
  readonly onAux?: (aux: unknown) => void
}

/** Shows all of `messages`. Throws `system` with the engine's sentence if one of them is an error. */
export async function showProgress(
  messages: AsyncIterable<ProgressMessage>,
  { output, onAux = () => {} }: ProgressOutput,
): Promise<void> {
  const lines = new Map<string, number>()
  for await (const message of messages) {
    if (message.error !== undefined) throw system(message.errorDetail?.message ?? message.error)
    if ('aux' in message && message.aux !== undefined) onAux(message.aux)
    else if (output.isTTY) output.write(onTerminal(message, lines, output.columns ?? 80))
    else output.write(plainly(message))
  }
}

/** Sequences of ECMA-48: the cursor some lines up or down, and a line emptied. */
const up = (count: number) => (count === 0 ? '' : `\u001B[${count}A`)
const down = (count: number) => (count === 0 ? '' : `\u001B[${count}B`)
const emptied = '\u001B[2K\r'

// Lines that change are those since the last one that doesn't.
function onTerminal(message: ProgressMessage, lines: Map<string, number>, columns: number): string {
  const { id, progressDetail, status = '' } = message
  if (id === undefined || !progressDetail) {
    lines.clear()
    return plainly(message)
  }
  const isNew = !lines.has(id)
  const line = lines.get(id) ?? lines.size
  lines.set(id, line)
  const distance = lines.size - line
  const text = `${emptied}${id}: ${status} ${barOf(progressDetail, columns)}\r`
  return `${isNew ? '\n' : ''}${up(distance)}${text}${down(distance)}`
}

// What is under way is for terminals; what was reached is for everybody.
function plainly({ id, status, stream, progressDetail }: ProgressMessage): string {
  if (stream !== undefined) return stream
  if (status === undefined || (progressDetail && barOf(progressDetail, 0) !== '')) return ''
  return `${id === undefined ? '' : `${id}: `}${status}\n`
}

const barWidth = 50
/** Terminals with fewer columns show numbers only. */
const columnsForBar = 110

/** `[=====>     ]  1.2MB/3.4MB`; '' for nothing. */
export function barOf({ current = 0, total = 0 }: { current?: number; total?: number }, columns: number): string {
  if (current <= 0 && total <= 0) return ''
  const size = humanSize(current, 4).padStart(8)
  if (total <= 0) return size
  const done = Math.min(barWidth, Math.trunc(Math.trunc((current / total) * 100) / 2))
  const bar = columns > columnsForBar ? `[${'='.repeat(done)}>${' '.repeat(barWidth - done)}] ` : ''
  return `${bar}${current > total ? size : `${size}/${humanSize(total, 4)}`}`
}
