// Ranges of the host's ids for containers that have a user namespace of their own: each is one container's at a time, on
// the whole host.

import { createHash } from 'node:crypto'
import type { Fd } from '../kernel/descriptor.ts'
import { lockByte } from '../kernel/lock.ts'
import { unavailable } from '../lib/errors.ts'
import { type IdMap, mapOf } from './id-map.ts'

/** How many ids a container has: all that the formats of old tools and /etc/login.defs reach. */
export const idsPerContainer = 65536

/**
 * From the end of what systemd gives to containers to the beginning of what it keeps for foreign file systems; above all
 * that useradd gives as subordinate ids. https://systemd.io/UIDS-GIDS
 */
const pool = { first: 0x7000_0000, end: 0x7ffe_0000 }

const ranges = (pool.end - pool.first) / idsPerContainer

/** The first range: of daemons that remap all containers without naming a user who has subordinate ids. */
export const sharedRange: IdMap = mapOf({ container: 0, host: pool.first, size: idsPerContainer })

/** Each byte of this file stands for a range; who uses the range holds a lock on the byte. Of all daemons of the host. */
const ledger = '/run/gantry-ids.lock'

/** A range that is one's own as long as the descriptor is open, in whatever process. */
export interface IdClaim {
  readonly map: IdMap
  readonly lock: Fd
}

/** Claims a range for the container `id`, the same as before if that is free. Throws unavailable if all are taken. */
export function claimIds(id: string, path = ledger): IdClaim {
  const first = createHash('sha256').update(id).digest().readUInt32BE()
  for (let attempt = 0; attempt < ranges - 1; attempt++) {
    const range = 1 + ((first + attempt) % (ranges - 1))
    const lock = lockByte(path, range)
    if (lock)
      return { lock, map: mapOf({ container: 0, host: pool.first + range * idsPerContainer, size: idsPerContainer }) }
  }
  throw unavailable(`all ${ranges - 1} ranges of ids for user namespaces are in use`)
}
