// Points in time as clients write them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { formatTime } from './clock.ts'
import { Filters } from './filters.ts'
import { parseDuration, parseMoment, parseUntilFilter } from './until.ts'

const second = 1_000_000_000n
const now = 1_700_000_000n * second

test('durations are read as Go reads them', () => {
  assert.equal(parseDuration('1h30m'), 5400n * second)
  assert.equal(parseDuration('1.5s'), 1_500_000_000n)
  assert.equal(parseDuration('-2ms'), -2_000_000n)
  for (const text of ['', '5', 'h', '1d', '1h 2m', '1..5s']) assert.equal(parseDuration(text), undefined, text)
})

test('a moment is a Unix time, an RFC 3339 time, or so long ago', () => {
  assert.equal(parseMoment('1700000000', now), now)
  assert.equal(parseMoment('1700000000.000000001', now), now + 1n)
  assert.equal(parseMoment('10m', now), now - 600n * second)
  assert.equal(parseMoment('2023-11-14T22:13:20Z', now), now)
  assert.equal(parseMoment('2023-11-14T23:13:20.5+01:00', now), now + second / 2n)
  const midnight = BigInt(new Date(2023, 10, 14).getTime()) * 1_000_000n
  assert.equal(parseMoment('2023-11-14', now), midnight)
  assert.throws(() => parseMoment('soon', now), { message: 'failed to parse value as time or duration: "soon"' })
})

test('what formatTime writes is read back to the nanosecond', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 4_000_000_000_000_000_000n), nanos => parseMoment(formatTime(nanos), now) === nanos),
  )
})

test('an until filter is given at most once', () => {
  assert.equal(parseUntilFilter(new Filters(), now), undefined)
  assert.equal(parseUntilFilter(new Filters([['until', ['1h']]]), now), now - 3600n * second)
  assert.throws(() => parseUntilFilter(new Filters([['until', ['1h', '2h']]]), now), { kind: 'invalid' })
})
