// Owners in a tree that a user namespace sees shifted: what they are inside, and what the host has for them.

import { invalid } from '../../lib/errors.ts'

/** `size` ids from `container` on are, on the host, those from `host` on. */
interface Range {
  readonly container: number
  readonly host: number
  readonly size: number
}

/** The ids of a user namespace. */
export interface IdShift {
  readonly uids: readonly Range[]
  readonly gids: readonly Range[]
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** The owner as the namespace has it; ids that it doesn't know stay. */
export function ownerInside({ uid, gid }: Owner, shift: IdShift | undefined): Owner {
  return shift ? { uid: inside(shift.uids, uid), gid: inside(shift.gids, gid) } : { uid, gid }
}

/** The owner as the host has it. Throws `invalid` for ids that the namespace doesn't have. */
export function ownerOutside({ uid, gid }: Owner, shift: IdShift | undefined): Owner {
  return shift ? { uid: outside(shift.uids, uid), gid: outside(shift.gids, gid) } : { uid, gid }
}

function inside(ranges: readonly Range[], id: number): number {
  const range = ranges.find(({ host, size }) => id >= host && id < host + size)
  return range ? id - range.host + range.container : id
}

function outside(ranges: readonly Range[], id: number): number {
  const range = ranges.find(({ container, size }) => id >= container && id < container + size)
  if (!range) throw invalid(`the id ${id} is none of the container's user namespace`)
  return id - range.container + range.host
}
