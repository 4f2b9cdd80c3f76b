// Uploads that are asked for at once: of the same blob to the same repository, and of others.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../oci/digest.ts'
import { Uploads } from './uploads.ts'

const [blob, other] = [digestOf('blob'), digestOf('other')]

test('a blob goes to a repository once at a time, others at the same time', async () => {
  const uploads = new Uploads(() => 2)
  const log: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = uploads.run('a', blob, async () => {
    log.push('first')
    await gate.promise
    log.push('first over')
  })
  const second = uploads.run('a', blob, async () => log.push('second'), { onWaiting: () => log.push('second waits') })
  await uploads.run('b', blob, async () => log.push('elsewhere'))
  await uploads.run('a', other, async () => log.push('other'))
  gate.resolve()
  await Promise.all([first, second])
  assert.deepEqual(log, ['second waits', 'first', 'elsewhere', 'other', 'first over', 'second'])
})

test('who goes away while waiting is in nobody’s way, and who fails neither', async () => {
  const uploads = new Uploads(() => 2)
  const gate = Promise.withResolvers<void>()
  const first = uploads.run('a', blob, () => gate.promise)
  const abort = new AbortController()
  const second = uploads.run('a', blob, async () => assert.fail('not wanted any more'), { signal: abort.signal })
  const third = uploads.run('a', blob, async () => 'third')
  abort.abort(new Error('gone'))
  await assert.rejects(second, /gone/)
  gate.reject(new Error('failed'))
  await assert.rejects(first, /failed/)
  assert.equal(await third, 'third')
})
