// The image configuration (OCI image-spec, config.md) with the fields that Docker adds.

import { invalid } from '../lib/errors.ts'
import { type Digest, isDigest } from './digest.ts'

/** Durations are nanoseconds. */
export interface HealthConfig {
  readonly Test?: readonly string[]
  readonly Interval?: number
  readonly Timeout?: number
  readonly StartPeriod?: number
  readonly StartInterval?: number
  readonly Retries?: number
}

/** What a container gets from its image unless the request says otherwise. */
export interface ExecutionConfig {
  readonly Hostname?: string
  readonly Domainname?: string
  readonly User?: string
  readonly ExposedPorts?: Readonly<Record<string, object>>
  readonly Env?: readonly string[]
  readonly Cmd?: readonly string[]
  readonly Entrypoint?: readonly string[]
  readonly Volumes?: Readonly<Record<string, object>>
  readonly WorkingDir?: string
  readonly Labels?: Readonly<Record<string, string>>
  readonly StopSignal?: string
  readonly StopTimeout?: number
  readonly ArgsEscaped?: boolean
  readonly Healthcheck?: HealthConfig
  readonly OnBuild?: readonly string[]
  readonly Shell?: readonly string[]
}

export interface HistoryEntry {
  readonly created?: string
  readonly created_by?: string
  readonly author?: string
  readonly comment?: string
  readonly empty_layer?: boolean
}

export interface ImageConfig {
  readonly created?: string
  readonly author?: string
  readonly architecture?: string
  readonly variant?: string
  readonly os?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
  readonly config?: ExecutionConfig
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly Digest[] }
  readonly history?: readonly HistoryEntry[]
  // Docker's own, from before there was a specification.
  readonly docker_version?: string
  readonly container?: string
  readonly container_config?: ExecutionConfig
  readonly comment?: string
  readonly parent?: string
}

/** Largest configuration that is read, in bytes; real ones have a few kilobytes. */
export const maximumConfigSize = 8 << 20
const maximumLayers = 500

/** Reads and checks a configuration blob. Throws `invalid` saying what is wrong with it. */
export function parseImageConfig(bytes: Buffer): ImageConfig {
  if (bytes.length > maximumConfigSize) throw invalid(`image config of ${bytes.length} bytes is too large`)
  const value = parseJson(bytes)
  if (!isRecord(value)) throw invalid('invalid image JSON, not an object')
  if (!isRecord(value['rootfs'])) throw invalid('invalid image JSON, no RootFS key')
  const cleaned = withoutNulls(value)
  for (const [path, kind] of shape) checkField(cleaned, path, kind)
  const rootfs = cleaned['rootfs'] as Record<string, unknown>
  const layers = rootfs['diff_ids'] ?? []
  if (!Array.isArray(layers) || !layers.every(isDigest)) throw invalid('invalid image JSON, bad diff_ids')
  if (layers.length > maximumLayers)
    throw invalid(`invalid image JSON, ${layers.length} layers (at most ${maximumLayers})`)
  return { ...cleaned, rootfs: { type: 'layers', diff_ids: layers } } as ImageConfig
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (cause) {
    throw invalid('invalid image JSON', { cause })
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Nothing that is read lies deeper than config.Healthcheck.Test. */
const maximumDepth = 4

// Go writes null for an empty list or map and reads it back as one.
function withoutNulls(value: Record<string, unknown>, depth = 0): Record<string, unknown> {
  if (depth > maximumDepth) throw invalid('invalid image JSON, nested too deep')
  const entries = Object.entries(value).filter(([, field]) => field !== null)
  return Object.fromEntries(
    entries.map(([key, field]) => [key, isRecord(field) ? withoutNulls(field, depth + 1) : field]),
  )
}

type Kind = 'string' | 'number' | 'boolean' | 'strings' | 'map' | 'stringMap' | 'history'

const executionShape: readonly (readonly [string, Kind])[] = [
  ['', 'map'],
  ['.Hostname', 'string'],
  ['.Domainname', 'string'],
  ['.User', 'string'],
  ['.ExposedPorts', 'map'],
  ['.Env', 'strings'],
  ['.Cmd', 'strings'],
  ['.Entrypoint', 'strings'],
  ['.Volumes', 'map'],
  ['.WorkingDir', 'string'],
  ['.Labels', 'stringMap'],
  ['.StopSignal', 'string'],
  ['.StopTimeout', 'number'],
  ['.ArgsEscaped', 'boolean'],
  ['.Healthcheck', 'map'],
  ['.Healthcheck.Test', 'strings'],
  ['.Healthcheck.Interval', 'number'],
  ['.Healthcheck.Timeout', 'number'],
  ['.Healthcheck.StartPeriod', 'number'],
  ['.Healthcheck.StartInterval', 'number'],
  ['.Healthcheck.Retries', 'number'],
  ['.OnBuild', 'strings'],
  ['.Shell', 'strings'],
]

const shape: readonly (readonly [string, Kind])[] = [
  ['created', 'string'],
  ['author', 'string'],
  ['architecture', 'string'],
  ['variant', 'string'],
  ['os', 'string'],
  ['os.version', 'string'],
  ['os.features', 'strings'],
  ['docker_version', 'string'],
  ['comment', 'string'],
  ['container', 'string'],
  ['parent', 'string'],
  ['history', 'history'],
  ...['config', 'container_config'].flatMap(name => executionShape.map(([path, kind]) => [name + path, kind] as const)),
]

const isString = (value: unknown) => typeof value === 'string'

const checks: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  string: isString,
  number: value => typeof value === 'number',
  boolean: value => typeof value === 'boolean',
  strings: value => Array.isArray(value) && value.every(isString),
  map: isRecord,
  stringMap: value => isRecord(value) && Object.values(value).every(isString),
  history: value => Array.isArray(value) && value.every(isHistoryEntry),
}

function isHistoryEntry(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { empty_layer: emptyLayer, ...texts } = value
  if (emptyLayer !== undefined && typeof emptyLayer !== 'boolean') return false
  return ['created', 'created_by', 'author', 'comment'].every(key => texts[key] == null || isString(texts[key]))
}

function checkField(config: Record<string, unknown>, path: string, kind: Kind) {
  const value = fieldAt(config, path)
  if (value !== undefined && !checks[kind](value)) throw invalid(`invalid image JSON, bad field ${path}`)
}

function fieldAt(config: Record<string, unknown>, path: string): unknown {
  if (path.startsWith('os.')) return config[path]
  let value: unknown = config
  for (const key of path.split('.')) value = isRecord(value) ? value[key] : undefined
  return value
}
