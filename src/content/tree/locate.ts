// Paths that a client names in a container's tree: what is there, and where links lead, never out of the tree.

import { constants } from 'node:fs'
import { type Fd, O_PATH, nameOf as pathOf } from '../../kernel/descriptor.ts'
import { hasCode } from '../../kernel/ffi.ts'
import { type Stat, readlinkAt, statAt, statFd } from '../../kernel/files.ts'
import { openInRoot } from '../../kernel/openat2.ts'
import { invalid, notFound } from '../../lib/errors.ts'
import { cleanPath } from '../../lib/paths.ts'
import { unlessGone } from './walk.ts'

/** What is at a path; of a link, of itself. */
export interface PathStat {
  /** The last part of the path, as it was named. */
  readonly name: string
  readonly size: number
  /** As st_mode. */
  readonly mode: number
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint
  /** Where a link leads in the end, absolute, whether or not something is there; '' if it is none. */
  readonly linkTarget: string
}

/** A path taken apart: `base` in the directory `parent`, or `parent` itself if it is '' or '.'. */
export interface Located {
  readonly parent: string
  readonly base: string
  readonly name: string
}

const maxPath = 4095
const maxLinks = 255

/** Takes a client's path apart as Docker does: `/` and `/.` at its end ask for what a link leads to. Throws `invalid`. */
export function locate(path: string): Located {
  if (path.includes('\0')) throw invalid('invalid path: it contains a NUL character')
  if (Buffer.byteLength(path) > maxPath) throw invalid(`invalid path: it is longer than ${maxPath} bytes`)
  const absolute = ended(cleanPath(`/${path}`), path)
  const at = absolute.lastIndexOf('/') + 1
  const trimmed = absolute.replace(/\/+$/, '')
  return {
    parent: absolute.slice(0, at),
    base: absolute.slice(at),
    name: trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1),
  }
}

// Cleaning has taken away what tells the directory from the link.
function ended(clean: string, original: string): string {
  const separated = clean.endsWith('/') ? clean : `${clean}/`
  if (/(^|\/)\.$/.test(original)) return `${separated}.`
  return original.endsWith('/') ? separated : clean
}

/** True if the directory itself is meant, whatever link leads to it. */
export const meansDirectory = ({ base }: Located): boolean => base === '' || base === '.'

/** The file that `located` names, as O_PATH, not following a link at its end. Throws `notFound`, or KernelError. */
export function openLocated(root: Fd, located: Located): Fd {
  const directory = O_PATH | constants.O_DIRECTORY
  if (meansDirectory(located)) return openInRoot(root, located.parent, directory)
  using parent = openInRoot(root, located.parent, directory)
  return openInRoot(parent, located.base, O_PATH | constants.O_NOFOLLOW)
}

/** What is at `located` in `root`. Throws KernelError. */
export function statLocated(root: Fd, located: Located): PathStat {
  using file = openLocated(root, located)
  const { size, mode, mtimeNs } = statFd(file)
  const isLink = (mode & constants.S_IFMT) === constants.S_IFLNK
  const linkTarget = isLink ? resolvePath(root, located.parent + located.base) : ''
  return { name: located.name, size, mode, mtimeNs, linkTarget }
}

/**
 * The path, absolute and clean, that `path` leads to when all links are followed inside `root`; of what isn't there, where
 * it would be. The container may make it another one at any time: not to be relied on for anything but to be shown.
 */
export function resolvePath(root: Fd, path: string): string {
  const top = pathOf(root)
  let current = path
  for (let hop = 0; hop < maxLinks; hop++) {
    const { parent, base } = locate(current)
    const step = follow(root, top, parent, base)
    if (step.end) return step.path
    current = step.path
  }
  throw invalid('too many levels of symbolic links')
}

function follow(root: Fd, top: string, parent: string, base: string): { path: string; end: boolean } {
  try {
    using dir = openInRoot(root, parent, O_PATH | constants.O_DIRECTORY)
    const here = pathOf(dir).slice(top === '/' ? 0 : top.length)
    if (base === '' || base === '.') return { path: here || '/', end: true }
    const stat = unlessGone(() => statAt(dir, base))
    if (!stat || !isLink(stat)) return { path: cleanPath(`${here}/${base}`), end: true }
    const target = readlinkAt(dir, base).toString()
    return { path: target.startsWith('/') ? target : `${here}/${target}`, end: false }
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error
    return { path: cleanPath(`${parent}/${base}`), end: true }
  }
}

const isLink = ({ mode }: Stat): boolean => (mode & constants.S_IFMT) === constants.S_IFLNK

/** The error of a look-up as Docker words it: `path` as the client named it, in the container `name`. */
export function lookupError(error: unknown, path: string, name: string): unknown {
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) return notFound(`Could not find the file ${path} in container ${name}`)
  if (hasCode(error, 'ELOOP')) return invalid(`${path}: too many levels of symbolic links`, { cause: error })
  if (hasCode(error, 'ENAMETOOLONG')) return invalid(`${path}: file name too long`, { cause: error })
  return error
}
