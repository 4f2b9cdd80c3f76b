// Signals by name and number, as the Engine API takes them. signal(7).

import { constants } from 'node:os'
import { invalid } from '../lib/errors.ts'

// The C library keeps the first two real-time signals of the kernel to itself.
const SIGRTMIN = 34
const SIGRTMAX = 64

function* byName(): Generator<[string, number]> {
  for (const [name, number] of Object.entries(constants.signals)) yield [name.slice('SIG'.length), number]
  yield ['CLD', constants.signals.SIGCHLD]
  for (let offset = 1; offset <= 15; offset++) yield [`RTMIN+${offset}`, SIGRTMIN + offset]
  for (let offset = 1; offset <= 14; offset++) yield [`RTMAX-${offset}`, SIGRTMAX - offset]
  yield ['RTMIN', SIGRTMIN]
  yield ['RTMAX', SIGRTMAX]
}

const signals: ReadonlyMap<string, number> = new Map(byName())
const known: ReadonlySet<number> = new Set(signals.values())

/**
 * The number of a signal given as `SIGKILL`, `kill`, `9` or `RTMIN+3`. Numbers are taken as they are, except 0: a configured
 * stop signal may be any. Throws invalid.
 */
export function parseSignal(text: string): number {
  const number = /^[+-]?\d{1,18}$/.test(text) ? Number(text) : signals.get(text.toUpperCase().replace(/^SIG/, ''))
  if (!number) throw invalid(`Invalid signal: ${text}`)
  return number
}

/** As parseSignal, for a signal that is to be sent: one that Linux has. Throws invalid. */
export function parseSignalToSend(text: string): number {
  const number = parseSignal(text)
  if (!isSignal(number)) throw invalid(`the linux daemon does not support signal ${number}`)
  return number
}

/** True for a signal that Linux has. */
export const isSignal = (number: number): boolean => known.has(number)
