// Paths inside a layer: byte strings, cleaned as Docker cleans them, and what a whiteout's name means.

import { invalid } from '../lib/errors.ts'
import type { Name } from '../kernel/files.ts'

/**
 * The components of `path`, cleaned lexically (Go's filepath.Clean); none for the root. Throws `invalid` if it leads out of
 * `whole`.
 */
export function components(path: string, whole = 'the layer'): string[] {
  const result: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') result.push(part)
    else if (result.pop() === undefined && !path.startsWith('/')) throw invalid(`${quote(path)} is outside of ${whole}`)
  }
  return result
}

/** A byte string as the kernel takes names. */
export function nameOf(bytes: string): Name {
  return Buffer.byteLength(bytes) === bytes.length ? bytes : Buffer.from(bytes, 'latin1')
}

/** A byte string as text for messages. */
export const quote = (bytes: string): string => JSON.stringify(Buffer.from(bytes, 'latin1').toString())

const whiteoutPrefix = '.wh.'
const metaPrefix = '.wh..wh.'
const opaqueMarker = '.wh..wh..opq'

/** What an entry with these components stands for (OCI image-spec layer.md, "Whiteouts"). */
export type Meaning =
  | { readonly kind: 'plain' }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'whiteout'; readonly hides: string }
  | { readonly kind: 'ignored' }

const plain = { kind: 'plain' } as const

/** What an entry with these path components means in a layer: itself, or that something below is hidden. */
export function meaningOf(parts: readonly string[]): Meaning {
  const base = parts.at(-1) ?? ''
  if (base === opaqueMarker) return { kind: 'opaque' }
  // What else AUFS kept in its layers, in any directory.
  if (parts.some(part => part.startsWith(metaPrefix))) return { kind: 'ignored' }
  if (!base.startsWith(whiteoutPrefix)) return plain
  const hides = base.slice(whiteoutPrefix.length)
  if (hides === '' || hides === '.' || hides === '..') throw invalid(`${quote(base)} is not a valid whiteout`)
  return { kind: 'whiteout', hides }
}
