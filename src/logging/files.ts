// The drivers that only keep files, json-file and local, and how large any container's log files may become.

import { GantryError, invalid, messageOf } from '../lib/errors.ts'
import { parseDecimalSize } from '../lib/size.ts'
import { attributeOptions } from './attributes.ts'
import { parseBoolean, parseInteger } from './option-values.ts'
import type { LogOptions } from './subject.ts'

/** How much of a container's output is kept. */
export interface FileLimits {
  /** Bytes of one file; unlimited if absent. */
  readonly maxSize?: number
  /** How many files, the current one included. */
  readonly maxFiles: number
  /** Whether those that were rotated are compressed. */
  readonly compress: boolean
}

// Bounded unless asked otherwise: a chatty container must not fill the disk.
const defaultMaxSize = 20 * 1024 * 1024
const defaultMaxFiles = 5

const jsonFileOptions: ReadonlySet<string> = new Set(['max-size', 'max-file', 'compress', 'tag', ...attributeOptions])

/** Throws dockerd's errors for options of json-file. */
export function checkJsonFile(options: LogOptions): void {
  for (const name of Object.keys(options)) {
    if (!jsonFileOptions.has(name)) throw invalid(`unknown log opt '${name}' for json-file log driver`)
  }
  const { maxSize, maxFiles, compress } = jsonFileLimits(options)
  if (compress && (maxFiles === 1 || maxSize === undefined)) {
    throw invalid('compress cannot be true when max-file is less than 2 or max-size is not set')
  }
}

/** What json-file's options say; -1 stands for a log without a limit. Throws invalid. */
export function jsonFileLimits({ 'max-size': size, 'max-file': files, compress: text }: LogOptions): FileLimits {
  const unlimited = size === '-1'
  const maxFiles = files === undefined ? (unlimited ? 1 : defaultMaxFiles) : parseInteger(files, 'Atoi')
  if (maxFiles < 1) throw invalid('max-file cannot be less than 1')
  if (unlimited && maxFiles > 1) throw invalid('max-file cannot be set when max-size is not set')
  const compress = text !== undefined && parseBoolean(text)
  if (unlimited) return { maxFiles, compress }
  const maxSize = size === undefined ? defaultMaxSize : parseDecimalSize(size)
  if (maxSize <= 0) throw invalid('max-size must be a positive number')
  return { maxSize, maxFiles, compress }
}

const localOptions: ReadonlySet<string> = new Set(['max-size', 'max-file', 'compress'])

/** Throws dockerd's errors for options of local. */
export function checkLocal(options: LogOptions): void {
  for (const name of Object.keys(options)) {
    if (!localOptions.has(name)) throw invalid(`unknown log opt '${name}' for log driver local`)
  }
  localLimits(options)
}

/** What local's options say; a size of 0 stands for no limit. Throws invalid. */
export function localLimits({ 'max-size': size, 'max-file': files, compress: text }: LogOptions): FileLimits {
  const maxSize = prefixed(`invalid value for max-size: ${size}`, () =>
    size === undefined ? defaultMaxSize : parseDecimalSize(size),
  )
  const maxFiles = prefixed(`invalid value for max-file: ${files}`, () =>
    files === undefined ? defaultMaxFiles : parseInteger(files, 'Atoi'),
  )
  const compress = prefixed('error reading compress log option', () => text === undefined || parseBoolean(text))
  if (compress && maxFiles <= 1) throw invalid('compression cannot be enabled when max file count is 1')
  if (maxFiles < 1) throw invalid('max file count cannot be less than 1')
  return { ...(maxSize > 0 && { maxSize }), maxFiles, compress: compress && maxSize > 0 }
}

function prefixed<T>(prefix: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new GantryError('invalid', `${prefix}: ${messageOf(error)}`, { cause: error })
  }
}

const cachePrefix = 'cache-'

/** The limits of the files kept beside a driver that sends the output away: local's options with `cache-` before them. */
export function cacheLimits(options: LogOptions): FileLimits {
  const own = Object.entries(options).filter(([name]) => name.startsWith(cachePrefix))
  return localLimits(Object.fromEntries(own.map(([name, value]) => [name.slice(cachePrefix.length), value])))
}
