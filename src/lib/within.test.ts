// Waiting, but not for ever.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from './within.ts'

const never = new Promise<void>(() => {})

test('what comes in time, too late, and never', async () => {
  assert.equal(await within(10_000, Promise.resolve()), true)
  assert.equal(await within(1, never), false)
  assert.equal(await within(Number.POSITIVE_INFINITY, Promise.resolve()), true)
  await assert.rejects(within(10_000, Promise.reject(new Error('why'))), /why/)
})
