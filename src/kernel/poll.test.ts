// The difference between a peer that has ended its output and one that has gone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isHungUp } from './poll.ts'
import { socketPair } from './spawn.ts'

test('a socket has hung up once its peer is closed', () => {
  const [ours, theirs] = socketPair()
  try {
    assert.equal(isHungUp(ours.number), false)
    theirs.close()
    assert.equal(isHungUp(ours.number), true)
  } finally {
    ours.close()
  }
})
