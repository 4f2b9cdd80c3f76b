// The daemon's own log: one line per event on standard error.

import pino from 'pino'

/** Structured logging; `fields` come first, as pino has it. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof logLevels)[number]

/** A log of which one can choose anew what it keeps. */
export interface AdjustableLog extends Log {
  level: string
}

/** A log that writes JSON lines to standard error from `level` on. */
export function createLog(level: LogLevel): AdjustableLog {
  return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2))
}

/** A log that keeps nothing, for code run outside a daemon. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
