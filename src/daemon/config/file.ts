// Reads the configuration file, daemon.json.

import { readFileSync } from 'node:fs'
import { hasCode } from '../../kernel/ffi.ts'
import { describeSyntaxError } from '../http/json-syntax.ts'
import { invalid, messageOf } from '../../lib/errors.ts'
import type { Option } from './options.ts'

/** What the file says: a value for each option in it, and the keys that are known and have no meaning here. */
export interface FileSettings {
  readonly values: ReadonlyMap<Option, unknown>
  readonly ignoredKeys: readonly string[]
}

/** Reads the file; one that is missing is empty unless `required`. Throws `invalid` in dockerd's words. */
export function readConfigFile(
  path: string,
  required: boolean,
  options: readonly Option[],
  ignoredKeys: ReadonlySet<string>,
): FileSettings {
  try {
    const text = readText(path, required)
    return readSettings(flatten(parse(text)), options, ignoredKeys)
  } catch (cause) {
    throw invalid(`unable to configure the daemon with file ${path}: ${messageOf(cause)}`, { cause })
  }
}

function readText(path: string, required: boolean): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    if (!required && hasCode(error, 'ENOENT', 'ENOTDIR')) return ''
    throw error
  }
}

function parse(text: string): Record<string, unknown> {
  if (text.trim() === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid(describeSyntaxError(text), { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('the file must be an object')
  return value as Record<string, unknown>
}

// The proxies have an object of their own, and one key had another name once.
function flatten({ proxies, 'host-gateway-ip': oldName, ...settings }: Record<string, unknown>) {
  const renamed = oldName === undefined ? settings : { 'host-gateway-ips': [oldName], ...settings }
  return typeof proxies === 'object' && proxies !== null ? { ...renamed, ...proxies } : renamed
}

function readSettings(
  settings: Record<string, unknown>,
  options: readonly Option[],
  ignoredKeys: ReadonlySet<string>,
): FileSettings {
  const byKey = new Map(options.flatMap(option => (option.key === null ? [] : [[option.key ?? option.flag, option]])))
  const unknown = Object.keys(settings).filter(key => !byKey.has(key) && !ignoredKeys.has(key))
  if (unknown.length > 0) {
    throw invalid(`the following directives don't match any configuration option: ${unknown.join(', ')}`)
  }
  const known = Object.entries(settings).filter(([, value]) => value !== null)
  const values = known.flatMap(([key, value]) => {
    const option = byKey.get(key)
    return option ? [[option, readValue(option, key, value)] as const] : []
  })
  return { values: new Map(values), ignoredKeys: Object.keys(settings).filter(key => ignoredKeys.has(key)) }
}

function readValue(option: Option, key: string, value: unknown): unknown {
  try {
    return option.kind.read(value)
  } catch (cause) {
    throw invalid(`${key}: ${messageOf(cause)}`, { cause })
  }
}
