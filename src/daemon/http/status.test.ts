// Every kind of error has a status of its own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as errors from '../../lib/errors.ts'
import { statusByKind, statusOf } from './status.ts'

test('each constructor of errors makes a kind that has its own status', () => {
  const makers = Object.values(errors).filter(maker => typeof maker === 'function' && maker.length === 2)
  const kinds = makers.flatMap(maker => {
    const made: unknown = (maker as (message: string) => unknown).call(undefined, 'x')
    return made instanceof errors.GantryError ? [made.kind] : []
  })
  assert.deepEqual(kinds.toSorted(), Object.keys(statusByKind).toSorted())
  assert.equal(new Set(Object.values(statusByKind)).size, kinds.length)
})

test('a foreign error is the engine failing', () => assert.equal(statusOf(new RangeError('x')), 500))
