// Waiting for what will happen, and giving up.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { Notice } from './notice.ts'

test('everyone who waits gets the next value, and only that', async () => {
  const notice = new Notice<number>()
  const waiting = [notice.next(), notice.next()]
  notice.tell(1)
  const later = notice.next()
  notice.tell(2)
  assert.deepEqual(await Promise.all([...waiting, later]), [1, 1, 2])
})

test('a waiter who gives up is not told, and leaves no listener behind', async () => {
  const notice = new Notice<number>()
  const leaving = new AbortController()
  const staying = new AbortController()
  const left = notice.next(leaving.signal)
  const stayed = notice.next(staying.signal)
  leaving.abort(new Error('enough'))
  await assert.rejects(left, /enough/)
  notice.tell(3)
  assert.equal(await stayed, 3)
  for (const { signal } of [leaving, staying]) assert.deepEqual(getEventListeners(signal, 'abort'), [])
  assert.throws(() => void notice.next(leaving.signal), /enough/)
})

test('one who waits again when told waits for the next time', async () => {
  const notice = new Notice<number>()
  const seen: number[] = []
  const again = notice.next().then(value => {
    seen.push(value)
    return notice.next()
  })
  notice.tell(1)
  await Promise.resolve()
  notice.tell(2)
  seen.push(await again)
  assert.deepEqual(seen, [1, 2])
})
