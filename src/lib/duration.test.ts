// Durations in words, at the edges where the words change.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goDuration, humanDuration } from './duration.ts'

const hour = 3600
const day = 24 * hour

const cases: readonly (readonly [number, string])[] = [
  [-3, 'Less than a second'],
  [0.99, 'Less than a second'],
  [1.5, '1 second'],
  [59.9, '59 seconds'],
  [60, 'About a minute'],
  [119, 'About a minute'],
  [120, '2 minutes'],
  [hour - 1, '59 minutes'],
  [hour, 'About an hour'],
  [1.5 * hour - 1, 'About an hour'],
  [1.5 * hour, '2 hours'],
  [47.4 * hour, '47 hours'],
  [47.5 * hour, '2 days'],
  [14 * day - hour, '13 days'],
  [14 * day - hour / 2, '2 weeks'],
  [60 * day - hour, '8 weeks'],
  [60 * day - hour / 2, '2 months'],
  [730 * day - hour, '24 months'],
  [730 * day, '2 years'],
]

for (const [seconds, words] of cases) {
  test(`${seconds} seconds are ${words}`, () => assert.equal(humanDuration(seconds), words))
}

for (const [nanos, text] of [
  [0, '0s'],
  [1500, '1.5µs'],
  [200e6, '200ms'],
  [5e9, '5s'],
  [1.5e9, '1.5s'],
  [60e9, '1m0s'],
  [3690.5e9, '1h1m30.5s'],
] as const) {
  test(`Go calls ${nanos} nanoseconds ${text}`, () => assert.equal(goDuration(nanos), text))
}
