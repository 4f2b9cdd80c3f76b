// Reads --volume, --mount and --tmpfs.

import { homedir } from 'node:os'
import { resolve } from 'node:path'
import type { Mount } from '../../api/types/mount.ts'
import { invalid } from '../../lib/errors.ts'
import { parseBoolean, parseSize, splitPair } from '../values.ts'

/** --volume texts apart: binds and named volumes for HostConfig.Binds, anonymous volumes for Config.Volumes. */
export function parseVolumes(texts: readonly string[]): { binds: string[]; anonymous: Record<string, object> } {
  const named = texts.filter(text => text.includes(':'))
  const anonymous = texts.filter(text => !text.includes(':'))
  return { binds: named.map(resolveSource), anonymous: Object.fromEntries(anonymous.map(path => [path, {}])) }
}

// The engine knows neither this directory nor this home: relative sources are made absolute here.
function resolveSource(text: string): string {
  const [source = '', ...rest] = text.split(':')
  if (source.startsWith('.')) return [resolve(source), ...rest].join(':')
  if (source === '~' || source.startsWith('~/')) return [homedir() + source.slice(1), ...rest].join(':')
  return text
}

/** --tmpfs texts `path[:options]` as HostConfig.Tmpfs. */
export function parseTmpfs(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map(text => {
      const at = text.indexOf(':')
      return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

/** One --mount text: `type=bind,source=/a,target=/b,readonly`. Throws invalid with Docker's texts. */
export function parseMount(text: string): Mount {
  const mount: Mount = { Type: 'volume' }
  for (const field of text.split(',')) setField(mount, field)
  if (!mount.Target) throw invalid('target is required')
  if (mount.Type === 'bind' && mount.Source?.startsWith('.')) mount.Source = resolve(mount.Source)
  return mount
}

type Setter = (mount: Mount, value: string, field: string) => void

const setters: Readonly<Record<string, Setter>> = {
  type: (mount, value) => {
    mount.Type = value.toLowerCase()
  },
  source: (mount, value) => {
    mount.Source = value
  },
  target: (mount, value) => {
    mount.Target = value
  },
  readonly: (mount, value, field) => {
    mount.ReadOnly = booleanOf(value, field)
  },
  consistency: (mount, value) => {
    mount.Consistency = value.toLowerCase()
  },
  'bind-propagation': (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, Propagation: value.toLowerCase() }
  },
  'bind-recursive': (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, ...recursion(value) }
  },
  'bind-nonrecursive': (mount, value, field) => {
    mount.BindOptions = { ...mount.BindOptions, NonRecursive: booleanOf(value, field) }
  },
  'volume-nocopy': (mount, value, field) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: booleanOf(value, field) }
  },
  'volume-subpath': (mount, value) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: value }
  },
  'volume-label': (mount, value) => {
    const [name, label] = splitPair(value)
    mount.VolumeOptions = { ...mount.VolumeOptions, Labels: { ...mount.VolumeOptions?.Labels, [name]: label } }
  },
  'volume-driver': (mount, value) => {
    mount.VolumeOptions = {
      ...mount.VolumeOptions,
      DriverConfig: { ...mount.VolumeOptions?.DriverConfig, Name: value },
    }
  },
  'volume-opt': (mount, value) => {
    const [name, option] = splitPair(value)
    const driver = mount.VolumeOptions?.DriverConfig
    mount.VolumeOptions = {
      ...mount.VolumeOptions,
      DriverConfig: { ...driver, Options: { ...driver?.Options, [name]: option } },
    }
  },
  'image-subpath': (mount, value) => {
    mount.ImageOptions = { ...mount.ImageOptions, Subpath: value }
  },
  'tmpfs-size': (mount, value) => {
    mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: parseSize(value) }
  },
  'tmpfs-mode': (mount, value) => {
    if (!/^[0-7]+$/.test(value)) throw invalid(`invalid value for tmpfs-mode: ${value}`)
    mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) }
  },
}

const otherNames: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
}

const bareFields = new Set(['readonly', 'volume-nocopy', 'bind-nonrecursive'])

function setField(mount: Mount, field: string) {
  const [given, value] = splitPair(field)
  const key = given.toLowerCase()
  const name = otherNames[key] ?? key
  const setter = Object.hasOwn(setters, name) ? setters[name] : undefined
  const bare = !field.includes('=')
  if (bare && !bareFields.has(name)) throw invalid(`invalid field '${field}' must be a key=value pair`)
  if (!setter) throw invalid(`unexpected key '${given}' in '${field}'`)
  setter(mount, bare ? 'true' : value, field)
}

function booleanOf(value: string, field: string): boolean {
  try {
    return parseBoolean(value)
  } catch {
    throw invalid(`invalid value for ${splitPair(field)[0]}: ${value}`)
  }
}

function recursion(value: string) {
  if (value === 'enabled') return {}
  if (value === 'disabled') return { NonRecursive: true }
  if (value === 'writable') return { ReadOnlyNonRecursive: true }
  if (value === 'readonly') return { ReadOnlyForceRecursive: true }
  throw invalid(`invalid value for bind-recursive: ${value}`)
}
