// The options of `-v source:destination:options` and `--volumes-from container:options`.

import { invalid } from '../lib/errors.ts'

/** What the options say. Labels and consistency are accepted and mean nothing here. */
export interface MountMode {
  readonly: boolean
  noCopy: boolean
  /** Empty if not given. */
  propagation: string
}

const kinds = {
  access: ['rw', 'ro'],
  label: ['z', 'Z'],
  propagation: ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'],
  copy: ['nocopy'],
  consistency: ['consistent', 'cached', 'delegated', 'default'],
}

/** Parses comma-separated options; undefined if one is unknown or a kind comes twice. */
export function parseMode(text: string): MountMode | undefined {
  const given = text === '' ? [] : text.split(',')
  const byKind = Object.values(kinds).map(kind => given.filter(option => kind.includes(option)))
  const [, , propagation = []] = byKind
  if (byKind.some(options => options.length > 1)) return undefined
  if (byKind.flat().length !== given.length) return undefined
  return {
    readonly: given.includes('ro'),
    noCopy: given.includes('nocopy'),
    propagation: propagation[0] ?? '',
  }
}

/** Parses `--volumes-from`: a container, and whether its mounts become read-only. */
export function parseVolumesFrom(text: string): { container: string; readonly: boolean } {
  if (text === '') throw invalid('volumes-from specification cannot be an empty string')
  const at = text.indexOf(':')
  if (at < 0) return { container: text, readonly: false }
  const modeText = text.slice(at + 1)
  const mode = parseMode(modeText)
  if (!mode || mode.propagation || mode.noCopy) throw invalid(`invalid mode: ${modeText}`)
  return { container: text.slice(0, at), readonly: mode.readonly }
}
