// The options of the json-file log driver: how large it may become, and what goes with each line.

import { parseSize } from '../lib/size.ts'
import { invalid } from '../lib/errors.ts'
import type { ShimLog } from '../runtime/shim.ts'
import type { Container } from './model.ts'

// Bounded unless asked otherwise: a chatty container must not fill the disk.
const defaultMaxSize = 20 * 1024 * 1024
const defaultMaxFiles = 5

const known = new Set([
  'max-size',
  'max-file',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
  'compress',
  'mode',
  'max-buffer-size',
  'cache-disabled',
])

/** Throws dockerd's errors for options that the driver doesn't have, or values it can't take. */
export function checkLogOptions(options: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw invalid(`unknown log opt '${name}' for json-file log driver`)
  }
  limits(options)
}

function limits(options: Readonly<Record<string, string>>): { maxSize?: number; maxFiles: number } {
  const { 'max-size': size, 'max-file': files } = options
  const unlimited = size === '-1'
  const maxFiles = files === undefined ? (unlimited ? 1 : defaultMaxFiles) : Number(files)
  if (!Number.isInteger(maxFiles) || maxFiles < 1) throw invalid('max-file cannot be less than 1')
  if (unlimited && maxFiles > 1) throw invalid('max-file cannot be set when max-size is not set')
  if (unlimited) return { maxFiles }
  const maxSize = size === undefined ? defaultMaxSize : parseSize(size)
  if (maxSize <= 0) throw invalid(`invalid value for max-size: ${JSON.stringify(size)}`)
  return { maxSize, maxFiles }
}

/** The bounds of a container's log and the attributes of its lines. */
export function logLimits(container: Container): Pick<ShimLog, 'maxSize' | 'maxFiles' | 'attributes'> {
  const { config, hostConfig } = container.definition
  const options = hostConfig.LogConfig.Config ?? {}
  const attributes = {
    ...chosen(options.labels, config.Labels ?? {}),
    ...chosen(options.env, environment(config.Env ?? [])),
  }
  return { ...limits(options), ...(Object.keys(attributes).length > 0 && { attributes }) }
}

function chosen(names: string | undefined, values: Readonly<Record<string, string>>): Record<string, string> {
  const wanted = (names ?? '').split(',').filter(name => Object.hasOwn(values, name))
  return Object.fromEntries(wanted.map(name => [name, values[name] ?? '']))
}

function environment(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(assignments.map(text => [text.split('=', 1)[0] ?? '', text.slice(text.indexOf('=') + 1)]))
}
