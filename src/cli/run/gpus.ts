// Reads --gpus: how many devices, or which, and what they have to be capable of.

import type { DeviceRequest } from '../../api/types/container.ts'
import { invalid } from '../../lib/errors.ts'
import { parsePairs, splitFields } from '../values.ts'

/** One --gpus text: `all`, a number, or `count=…,device=…,driver=…,capabilities=…,options=…`. Throws invalid with Docker's texts. */
export function parseGpus(text: string): DeviceRequest {
  const fields = readFields(text)
  const ids = fields.get('device')?.split(',') ?? null
  const count = fields.get('count')
  const options = fields.get('options')
  const capabilities = fields.get('capabilities')
  return {
    Driver: fields.get('driver') ?? '',
    Count: count === undefined ? (ids ? 0 : 1) : countOf(count),
    DeviceIDs: ids,
    Capabilities: [capabilities === undefined ? ['gpu'] : [...capabilities.split(','), 'gpu']],
    Options: options === undefined ? {} : parsePairs(splitFields(options)),
  }
}

const keys = ['count', 'device', 'driver', 'capabilities', 'options']

function readFields(text: string): Map<string, string> {
  if (text === '') throw invalid('EOF')
  const fields = new Map<string, string>()
  const seen = new Set<string>()
  for (const field of splitFields(text)) {
    const [given = '', value] = splitOnce(field)
    if (seen.has(given)) throw invalid(`gpu request key '${given}' can be specified only once`)
    seen.add(given)
    if (value === undefined) seen.add('count')
    const [key, content] = value === undefined ? ['count', given] : [given, value]
    if (!keys.includes(key)) throw invalid(`unexpected key '${key}' in '${field}'`)
    fields.set(key, content)
  }
  return fields
}

function splitOnce(text: string): [key: string, value?: string] {
  const at = text.indexOf('=')
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function countOf(text: string): number {
  if (text === 'all') return -1
  if (/^[+-]?\d{1,9}$/.test(text)) return Number(text)
  throw invalid(`invalid count (${text}): value must be either "all" or an integer: invalid syntax`)
}
