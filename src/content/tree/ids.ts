// Owners in a tree that a user namespace sees shifted: what they are inside, and what the host has for them.

import { invalid } from '../../lib/errors.ts'
import { type IdMap, type IdRange, hostId, namespaceId } from '../../lib/id-map.ts'

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** The owner as the namespace has it; ids that it doesn't know stay. */
export function ownerInside({ uid, gid }: Owner, shift: IdMap | undefined): Owner {
  if (!shift) return { uid, gid }
  return { uid: namespaceId(shift.uids, uid) ?? uid, gid: namespaceId(shift.gids, gid) ?? gid }
}

/** The owner as the host has it. Throws `invalid` for ids that the namespace doesn't have. */
export function ownerOutside({ uid, gid }: Owner, shift: IdMap | undefined): Owner {
  return shift ? { uid: outside(shift.uids, uid), gid: outside(shift.gids, gid) } : { uid, gid }
}

function outside(ranges: readonly IdRange[], id: number): number {
  const found = hostId(ranges, id)
  if (found !== undefined) return found
  throw invalid(`the id ${id} is none of the container's user namespace`)
}
