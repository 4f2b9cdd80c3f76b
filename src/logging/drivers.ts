// The log drivers by name, and what all of them have in common.

import { GantryError, invalid, messageOf } from '../lib/errors.ts'
import { parseSize } from '../lib/size.ts'
import { attributesOf } from './attributes.ts'
import { type FileLimits, cacheLimits, checkJsonFile, checkLocal, jsonFileLimits, localLimits } from './files.ts'
import { parseFluentdOptions } from './fluentd-options.ts'
import { parseGelfOptions } from './gelf-options.ts'
import { checkJournald } from './journald-options.ts'
import { readBoolean } from './option-values.ts'
import type { LogOptions, LogSubject } from './subject.ts'
import { checkSyslog } from './syslog-options.ts'
import { tagOf } from './tag.ts'

/** A driver: which options it takes, and how much of the output is kept on this host. */
interface Driver {
  /** Throws dockerd's errors. */
  check(options: LogOptions): void
  limits(options: LogOptions): FileLimits
}

const remote = (check: (options: LogOptions) => unknown): Driver => ({ check, limits: cacheLimits })

const drivers: Readonly<Record<string, Driver>> = {
  'json-file': { check: checkJsonFile, limits: jsonFileLimits },
  local: { check: checkLocal, limits: localLimits },
  none: { check: () => {}, limits: () => ({ maxFiles: 1, compress: false }) },
  fluentd: remote(parseFluentdOptions),
  gelf: remote(parseGelfOptions),
  journald: remote(checkJournald),
  syslog: remote(checkSyslog),
}

/** The names of the drivers, as info lists them. */
export const driverNames: readonly string[] = Object.keys(drivers)
  .filter(name => name !== 'none')
  .toSorted()

// Taken by every driver.
const common: ReadonlySet<string> = new Set([
  'mode',
  'max-buffer-size',
  'cache-disabled',
  'cache-max-size',
  'cache-max-file',
  'cache-compress',
])

/** Throws dockerd's errors for a driver that isn't there, options that it doesn't have, or values it can't take. */
export function checkLogConfig(name: string, options: LogOptions): void {
  const driver = driverOf(name)
  if (name === 'none') return
  checkMode(options)
  checkCache(options)
  driver.check(Object.fromEntries(Object.entries(options).filter(([option]) => !common.has(option))))
}

function driverOf(name: string): Driver {
  const driver = Object.hasOwn(drivers, name) ? drivers[name] : undefined
  if (!driver) throw invalid(`logger: no log driver named '${name}' is registered`)
  return driver
}

function checkMode({ mode = '', 'max-buffer-size': size }: LogOptions) {
  if (!['', 'blocking', 'non-blocking'].includes(mode)) throw invalid(`logger: logging mode not supported: ${mode}`)
  if (size === undefined) return
  if (mode !== 'non-blocking') {
    throw invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
  }
  try {
    parseSize(size)
  } catch (error) {
    throw new GantryError('invalid', `error parsing option max-buffer-size: ${messageOf(error)}`, { cause: error })
  }
}

function checkCache(options: LogOptions) {
  const disabled = options['cache-disabled'] ?? ''
  if (disabled !== '' && readBoolean(disabled) === undefined) {
    throw invalid(`invalid value for option cache-disabled: ${disabled}`)
  }
  cacheLimits(options)
}

/** How much of the output is kept in files. */
export function limitsOf(name: string, options: LogOptions): FileLimits {
  return driverOf(name).limits(options)
}

/** True if files that were rotated are to be compressed. */
export const isCompressed = (name: string, options: LogOptions): boolean => limitsOf(name, options).compress

/** True if the container's log can be shown: not for `none`, nor for a driver whose local copy was declined. */
export function isReadable(name: string, options: LogOptions): boolean {
  if (name === 'json-file' || name === 'local') return true
  return name !== 'none' && readBoolean(options['cache-disabled'] ?? '') !== true
}

/** What json-file writes with each line: chosen labels and variables, and the tag if there is one. Throws invalid. */
export function fileAttributes(name: string, options: LogOptions, subject: LogSubject): Record<string, string> {
  if (name !== 'json-file') return {}
  const tag = tagOf(options, subject, '')
  return { ...attributesOf(options, subject), ...(tag !== '' && { tag }) }
}
