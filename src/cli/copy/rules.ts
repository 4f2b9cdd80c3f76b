// What `cp` makes of its two paths: which directory is copied to, and what the top of the archive is called there.

import { posix } from 'node:path'
import { invalid } from '../../lib/errors.ts'
import { cleanPath } from '../../lib/paths.ts'

/** One side of a copy. */
export interface Place {
  /** Absolute; a slash or `/.` at its end is kept, as it asks for a directory or for what is in it. */
  readonly path: string
  readonly exists: boolean
  readonly isDirectory: boolean
  /** What the top of the archive is called instead of the path's last part; '' for that. */
  readonly rebaseName: string
}

const meansContent = (path: string): boolean => path === '' || path === '.' || path.endsWith('/.')
const meansDirectory = (path: string): boolean => path.endsWith('/') || meansContent(path)

/** `clean` with the end that `original` had, if cleaning took it away. */
export function withEndOf(clean: string, original: string): string {
  const separated = clean.endsWith('/') ? clean : `${clean}/`
  if (meansContent(original) && !meansContent(clean)) return `${separated}.`
  return original.endsWith('/') ? separated : clean
}

/** The directory that a path is in and its last part, which is '.' for the content of a directory. */
export function splitEnd(path: string): { parent: string; base: string } {
  const clean = meansContent(path) && cleanPath(path) !== '.' ? `${cleanPath(path)}/.` : cleanPath(path)
  return { parent: posix.dirname(clean), base: baseOf(clean) }
}

const baseOf = (path: string): string => (path === '/' ? '/' : posix.basename(path))

/** Where `path` leads to if that is `resolved`: with the path's end, and the name to be kept if it has become another. */
export function resolvedEnd(path: string, resolved: string): { path: string; rebaseName: string } {
  const ended = withEndOf(resolved, path)
  const [before, after] = [path, ended].map(text => baseOf(text === '/' ? text : text.replace(/\/+$/, '')))
  return { path: ended, rebaseName: before === after ? '' : (before ?? '') }
}

/** Where an archive goes. */
export interface Target {
  readonly directory: string
  /** What its names begin with, and shall begin with instead. */
  readonly rename: readonly [from: string, to: string] | undefined
}

/** Docker's rules for copying `source` to `destination`. Throws `invalid` for what can't be. */
export function targetOf(source: Place, destination: Place): Target {
  if (destination.exists && destination.isDirectory) return { directory: destination.path, rename: undefined }
  if (destination.exists && source.isDirectory) throw invalid('cannot copy directory')
  if (!destination.exists && !source.isDirectory && meansDirectory(destination.path)) throw invalid('no such directory')
  const { parent, base } = splitEnd(destination.path)
  return { directory: parent, rename: [source.rebaseName || splitEnd(source.path).base, base] }
}

/** The name of an archive's entry when `from` at its beginning is `to`. */
export function renamed(name: string, rename: Target['rename']): string {
  if (!rename) return name
  const [from, to] = rename
  const at = from === '/' ? 0 : name.indexOf(from)
  return at < 0 ? name : name.slice(0, at) + to + name.slice(at + (from === '/' ? 0 : from.length))
}

/** `container:path` taken apart; without a container if it is a path of this machine. */
export function splitOperand(text: string): { container: string; path: string } {
  const at = text.indexOf(':')
  if (text.startsWith('/') || at < 0 || text.startsWith('.')) return { container: '', path: text }
  return { container: text.slice(0, at), path: text.slice(at + 1) }
}
