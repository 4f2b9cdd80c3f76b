// Sizes with suffixes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSize } from './size.ts'

const sizes: [string, number][] = [
  ['0', 0],
  ['1024', 1024],
  ['64m', 64 * 1024 ** 2],
  ['1.5GiB', 1.5 * 1024 ** 3],
  ['2 KB', 2048],
  ['1b', 1],
]
for (const [text, bytes] of sizes) test(`${text} is ${bytes} bytes`, () => assert.equal(parseSize(text), bytes))

for (const text of ['', 'm', '-1', '1x', '1 2', '1mm', '1.m']) {
  test(`${JSON.stringify(text)} is not a size`, () =>
    assert.throws(() => parseSize(text), { kind: 'invalid', message: `invalid size: '${text}'` }))
}
