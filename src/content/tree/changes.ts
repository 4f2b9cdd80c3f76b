// What a container changed: its own layer, an overlay's upper directory, against the layers below.

import { constants } from 'node:fs'
import { type Fd, O_PATH } from '../../kernel/descriptor.ts'
import { type Stat, statFd } from '../../kernel/files.ts'
import { openBeneath } from '../../kernel/openat2.ts'
import { getXattr, getXattrAt } from '../../kernel/xattr.ts'
import { nameOf } from '../layer-path.ts'
import { isWhiteout, opaqueAttribute } from '../layer-tree.ts'
import { type Found, isDirectory, sortedNames, statIfThere, unlessGone, walk } from './walk.ts'

/** The Engine API's numbers. */
export const changeKinds = { modified: 0, added: 1, deleted: 2 } as const

export interface Change {
  /** Absolute. */
  readonly path: string
  readonly kind: 0 | 1 | 2
}

const { modified, added, deleted } = changeKinds

/**
 * What differs between `lower`, a tree, and the same with the layer `upper` on it; both directories opened for reading.
 * A directory is among the changes if its owner or mode changed, or anything in it. Sorted by path. Throws KernelError.
 */
export function changesOf(upper: Fd, lower: Fd): Change[] {
  const kinds = new Map<string, Change['kind']>()
  for (const found of walk(upper)) {
    const kind = kindOf(found, lower)
    if (kind !== undefined) note(kinds, found.path, kind)
    if (isDirectory(found.stat) && isOpaque(found)) {
      for (const base of hiddenNames(found, lower)) note(kinds, `${found.path}/${base}`, deleted)
    }
  }
  return Array.from(kinds, ([path, kind]) => ({ path, kind }))
    .toSorted((a, b) => (sortKey(a.path) < sortKey(b.path) ? -1 : 1))
    .map(({ path, kind }) => ({ path: `/${Buffer.from(path, 'latin1').toString()}`, kind }))
}

// A directory comes right before what is in it.
const sortKey = (path: string): string => path.replaceAll('/', '\0')

// What has changes in it has changed.
function note(kinds: Map<string, Change['kind']>, path: string, kind: Change['kind']): void {
  kinds.set(path, kind)
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const parent = path.slice(0, at)
    if (kinds.has(parent)) return
    kinds.set(parent, modified)
  }
}

function kindOf({ dir, base, path, stat }: Found, lower: Fd): Change['kind'] | undefined {
  using before = openLower(lower, path)
  if (isWhiteout(stat)) return before && deleted
  if (!before) return added
  return differs(stat, statFd(before), () => capabilityDiffers(dir, base, before)) ? modified : undefined
}

const openLower = (lower: Fd, path: string): Fd | undefined =>
  unlessGone(() => openBeneath(lower, nameOf(path), O_PATH | constants.O_NOFOLLOW, 0, { noSymlinks: true }))

function differs(now: Stat, before: Stat, inCapability: () => boolean): boolean {
  if (now.mode !== before.mode || now.uid !== before.uid || now.gid !== before.gid) return true
  if (isDirectory(now)) return false
  if (now.rdev !== before.rdev || now.size !== before.size || !sameTime(now.mtimeNs, before.mtimeNs)) return true
  return (now.mode & constants.S_IFMT) === constants.S_IFREG && inCapability()
}

const second = 1_000_000_000n

// Layers come from archives, most of which know whole seconds only.
function sameTime(a: bigint, b: bigint): boolean {
  return a === b || (a / second === b / second && (a % second === 0n || b % second === 0n))
}

const capability = 'security.capability'

function capabilityDiffers(dir: Fd, base: string, before: Fd): boolean {
  const now = getXattrAt(dir, nameOf(base), capability) ?? Buffer.alloc(0)
  using file = unlessGone(() => openBeneath(before, '.', constants.O_RDONLY))
  const then = (file && getXattr(file, capability)) ?? Buffer.alloc(0)
  return !now.equals(then)
}

/** True for a directory that hides what lower layers have in it. */
export const isOpaque = ({ dir, base }: Found): boolean =>
  getXattrAt(dir, nameOf(base), opaqueAttribute)?.toString() === 'y'

function* hiddenNames({ dir, base, path }: Found, lower: Fd): Generator<string, void, void> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY
  using before = unlessGone(() => openBeneath(lower, nameOf(path), flags, 0, { noSymlinks: true }))
  using now = unlessGone(() => openBeneath(dir, nameOf(base), flags, 0, { noSymlinks: true }))
  if (!before || !now) return
  for (const name of sortedNames(before)) if (!statIfThere(now, name)) yield name
}
