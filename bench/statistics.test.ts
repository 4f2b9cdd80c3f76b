// The arithmetic behind the published ratios.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { median, ratioOfMedians } from './statistics.ts'

test('the median is the middle, or between the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.ok(Number.isNaN(median([])))
})

test('a ratio lies in its interval, which is narrow for steady samples', () => {
  const steady = ratioOfMedians([8, 8, 8, 8], [2, 2, 2, 2])
  assert.deepEqual(steady, { ratio: 4, low: 4, high: 4 })
  const { ratio, low, high } = ratioOfMedians([5, 6, 7, 8, 9, 30], [1, 2, 3, 2, 1, 2])
  assert.ok(low <= ratio && ratio <= high && low < high)
})
