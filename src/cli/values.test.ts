// Values of flags.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import {
  checkFilter,
  parseDecimal,
  parseDuration,
  parseFilters,
  parseSize,
  readPairFiles,
  resolveVariables,
} from './values.ts'
import { parseTimestamp } from './timestamp.ts'

test('sizes have units of 1024', () => {
  assert.deepEqual(['64m', '1G', '512', '1.5k', '2 kb', '10KiB', '-1'].map(parseSize), [
    64 * 1024 ** 2,
    1024 ** 3,
    512,
    1536,
    2048,
    10_240,
    -1,
  ])
  for (const text of ['', 'm', '-5', '1x', '1 2']) assert.throws(() => parseSize(text), /invalid size/)
})

test('durations add their parts', () => {
  assert.deepEqual(['0', '1s', '1m30s', '1.5h', '-2ms'].map(parseDuration), [0, 1e9, 90e9, 5400e9, -2e6])
  for (const text of ['', 's', '1d']) assert.throws(() => parseDuration(text), /invalid duration/)
  assert.throws(() => parseDuration('5'), /missing unit in duration "5"/)
})

test('decimals are exact to the billionth', () => {
  assert.deepEqual(['1', '.5', '1/4', '1e1', '-2', '0.000000001'].map(parseDecimal), [1, 0.5, 0.25, 10, -2, 1e-9])
  for (const text of ['', 'x', '1/', '1//2', '.']) assert.throws(() => parseDecimal(text), /as a rational number/)
  assert.throws(() => parseDecimal('0.0000000001'), /too precise/)
})

test('every whole number of seconds is a duration', () => {
  fc.assert(fc.property(fc.nat(1e6), seconds => parseDuration(`${seconds}s`) === seconds * 1e9))
})

test('variables without a value come from the environment, or not at all', () => {
  const env = { HOME: '/root' }
  assert.deepEqual(resolveVariables(['A=1', 'HOME', 'NONE', 'B='], env), ['A=1', 'HOME=/root', 'B='])
})

test('a file of variables may have comments and blank lines', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-values-'))
  try {
    const path = join(directory, 'env')
    writeFileSync(path, '# one\n\nA=1\n  B=two words\r\nC\n')
    assert.deepEqual(readPairFiles([path]), ['A=1', 'B=two words', 'C'])
    writeFileSync(path, 'A B=1\n')
    assert.throws(() => readPairFiles([path]), /variable 'A B' contains whitespaces/)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('filters of one name gather', () => {
  assert.deepEqual(parseFilters(['label=a=b', 'label=c', 'name=x']), { label: ['a=b', 'c'], name: ['x'] })
  assert.throws(() => checkFilter('bad'), /bad format of filter/)
})

test('points in time are Unix times, dates or durations before now', () => {
  const now = Date.parse('2026-01-02T00:00:00Z')
  assert.equal(parseTimestamp('1136073600.5', now, 'since'), '1136073600.5')
  assert.equal(parseTimestamp('10m', now, 'since'), `${now / 1000 - 600}.000000000`)
  assert.equal(parseTimestamp('2026-01-01T00:00:00.123456789Z', now, 'since'), '1767225600.123456789')
  assert.throws(() => parseTimestamp('yesterday', now, 'since'), /failed to parse value as time or duration/)
})
