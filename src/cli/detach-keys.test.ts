// The detach sequence, however typing is cut into chunks.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { DetachFilter, parseDetachKeys } from './detach-keys.ts'

test('sequences are control and plain keys', () => {
  assert.deepEqual([...parseDetachKeys()], [16, 17])
  assert.deepEqual([...parseDetachKeys('a,ctrl-@,ctrl-[')], [97, 0, 27])
  assert.throws(() => parseDetachKeys('ctrl-1'), /invalid detach keys/)
})

test('what is typed before and around goes to the container', () => {
  const filter = new DetachFilter(parseDetachKeys())
  assert.deepEqual(filter.feed(Buffer.from('ab\x10')), { pass: Buffer.from('ab'), detached: false })
  assert.deepEqual(filter.feed(Buffer.from('c')), { pass: Buffer.from('\x10c'), detached: false })
  assert.deepEqual(filter.feed(Buffer.from('\x10')), { pass: Buffer.alloc(0), detached: false })
  assert.deepEqual(filter.feed(Buffer.from('\x11d')), { pass: Buffer.alloc(0), detached: true })
})

test('without the whole sequence nothing is lost but what may still become it', () => {
  const typing = fc.array(fc.uint8Array({ maxLength: 8 }).map(bytes => bytes.filter(byte => byte !== 17)))
  fc.assert(
    fc.property(typing, chunks => {
      const filter = new DetachFilter(parseDetachKeys())
      const passed = Buffer.concat(chunks.map(chunk => filter.feed(Buffer.from(chunk)).pass))
      const sent = Buffer.concat(chunks)
      const held = sent.length - passed.length
      return held <= 1 && sent.subarray(0, passed.length).equals(passed)
    }),
  )
})
