// Ranges of the host's ids for containers that have a user namespace of their own: each is one container's at a time, on
// the whole host.

import { createHash } from 'node:crypto'
import type { Fd } from '../kernel/descriptor.ts'
import { markByte } from '../kernel/lock.ts'
import { unavailable } from '../lib/errors.ts'
import { type IdMap, mapOf } from '../lib/id-map.ts'

/** How many ids a container has: all that the formats of old tools and /etc/login.defs reach. */
export const idsPerContainer = 65536

/**
 * From the end of what systemd gives to containers to the beginning of what it keeps for foreign file systems; above all
 * that useradd gives as subordinate ids. https://systemd.io/UIDS-GIDS
 */
const pool = { first: 0x7000_0000, end: 0x7ffe_0000 }

const ranges = (pool.end - pool.first) / idsPerContainer

/** The first range: of daemons that remap all containers without naming a user who has subordinate ids. */
export const sharedRange: IdMap = rangeMap(0)

function rangeMap(range: number): IdMap {
  return mapOf({ container: 0, host: pool.first + range * idsPerContainer, size: idsPerContainer })
}

/** Each byte of this file stands for a range; who uses the range holds a mark on the byte. Of all daemons of the host. */
const ledger = '/run/gantry-ids.lock'

/** Ids that nobody else has as long as the descriptor, or a copy of it, is open in any process. */
export interface IdClaim {
  readonly map: IdMap
  readonly mark: Fd
}

/** Claims a range for the container `id`, the same as before if that is free. Throws unavailable if all are taken. */
export function claimIds(id: string, path = ledger): IdClaim {
  const start = createHash('sha256').update(id).digest().readUInt32BE()
  for (let attempt = 0; attempt < ranges - 1; attempt++) {
    const range = 1 + ((start + attempt) % (ranges - 1))
    const mark = markByte(path, range)
    if (mark) return { mark, map: rangeMap(range) }
  }
  throw unavailable(`all ${ranges - 1} ranges of ids for user namespaces are in use`)
}

/** The mark of who shares the ids of `map` with a container that claimed them; undefined if they were not claimed. */
export function joinClaim({ uids }: IdMap, path = ledger): Fd | undefined {
  const [{ host } = { host: 0 }] = uids
  const range = (host - pool.first) / idsPerContainer
  return Number.isInteger(range) && range > 0 && range < ranges ? markByte(path, range, { join: true }) : undefined
}
