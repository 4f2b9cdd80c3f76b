// Removing the trees of containers and volumes: small ones at once, all others away from the event loop.

import { constants } from 'node:fs'
import { openPath } from '../kernel/descriptor.ts'
import { type RemoveTree, removeTreeWithin } from '../kernel/remove-tree.ts'
import type { WorkerPool } from './pool.ts'

// A millisecond or two: less than it takes to start a thread.
const entriesAtOnce = 200

/** The remover that leaves large trees to `pool`. */
export function treeRemover(pool: WorkerPool): RemoveTree {
  return async (directory, name) => {
    using parent = openPath(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    if (removeTreeWithin(parent, name, entriesAtOnce)) return
    await pool.run({ kind: 'remove', directory, names: [name] })
  }
}
