// Writing with back-pressure: waiting, and no longer than there is something to wait for.

import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { writeChunk } from './streams.ts'

const listeners = (out: PassThrough) => ['drain', 'close', 'error'].map(event => out.listenerCount(event))

function full(): PassThrough {
  const out = new PassThrough({ highWaterMark: 1 })
  out.write('xx')
  return out
}

test('waits until the stream has room, and leaves no listener', async () => {
  const out = full()
  const before = listeners(out)
  const done = writeChunk(out, 'yy')
  assert.equal(
    await Promise.race([done, new Promise(resolve => setImmediate(resolve, 'still waiting'))]),
    'still waiting',
  )
  out.resume()
  await done
  assert.deepEqual(listeners(out), before)
})

test('gives up when the stream is closed or fails', async () => {
  const closed = full()
  const waiting = writeChunk(closed, 'yy')
  closed.destroy()
  await assert.rejects(waiting, { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  await assert.rejects(writeChunk(closed, 'zz'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
  const failed = full().on('error', () => {})
  const failing = writeChunk(failed, 'yy')
  failed.destroy(new Error('broken'))
  await assert.rejects(failing, { message: 'broken' })
})

test('gives up when it is aborted', async () => {
  const controller = new AbortController()
  const waiting = writeChunk(full(), 'yy', controller.signal)
  controller.abort(new Error('gone'))
  await assert.rejects(waiting, { message: 'gone' })
})
