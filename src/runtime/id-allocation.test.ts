// Ranges of ids are one's own, and free again once nobody holds them.

import { deepEqual, equal, notDeepEqual } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { claimIds, joinClaim, sharedRange } from './id-allocation.ts'

describe('a range of ids', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-ids-'))
  const ledger = join(directory, 'ledger')
  after(() => rmSync(directory, { recursive: true }))

  it('is the same as before, unless somebody else has it', () => {
    const first = claimIds('a', ledger)
    const other = claimIds('a', ledger)
    notDeepEqual(other.map, first.map)
    first.mark.close()
    const again = claimIds('a', ledger)
    deepEqual(again.map, first.map)
    for (const { mark } of [other, again]) mark.close()
  })

  it('is free when neither who claimed it nor who joined is there', () => {
    const { map, mark } = claimIds('b', ledger)
    const joined = joinClaim(map, ledger)
    const copy = joined?.dup()
    joined?.close()
    mark.close()
    const other = claimIds('b', ledger)
    notDeepEqual(other.map, map)
    copy?.close()
    const again = claimIds('b', ledger)
    deepEqual(again.map, map)
    for (const claim of [other, again]) claim.mark.close()
  })

  it('is nobody’s claim if all containers share it', () => {
    equal(joinClaim(sharedRange, ledger), undefined)
    const { map, mark } = claimIds('c', ledger)
    notDeepEqual(map, sharedRange)
    mark.close()
  })
})
