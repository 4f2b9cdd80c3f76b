// The worker pool: how many threads there are and for how long, and what happens when one goes down.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { defaultLimits } from './limits.ts'
import { WorkerPool } from './pool.ts'
import { temporaryDirectory } from './testing.ts'

test('jobs share the threads, which end when they are idle', async () => {
  using directory = temporaryDirectory()
  await using pool = new WorkerPool({ size: 2, idleTime: 1 })
  const names = Array.from({ length: 8 }, (_, index) => `d${index}`)
  for (const name of names) mkdirSync(directory.join(name, 'deep', 'er'), { recursive: true })
  const jobs = names.map(name => pool.run({ kind: 'remove', directory: directory.path, names: [name] }))
  assert.equal(pool.threads, 2)
  await Promise.all(jobs)
  assert.deepEqual(readdirSync(directory.path), [])
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setInterval(() => pool.threads === 0 && resolve(), 5)
  await promise
  clearInterval(timer)
  await pool.run({ kind: 'sync', path: directory.path })
})

test('a job fails with its own error, and the thread goes on', async () => {
  using directory = temporaryDirectory()
  await using pool = new WorkerPool({ size: 1 })
  const job = {
    kind: 'unpack',
    archive: directory.join('missing'),
    target: directory.path,
    limits: defaultLimits,
  } as const
  await assert.rejects(pool.run(job), { kind: 'system', message: /ENOENT/ })
  await pool.run({ kind: 'sync', path: directory.path })
  assert.equal(pool.threads, 1)
})

test('a job that was aborted before does not begin', async () => {
  await using pool = new WorkerPool({ size: 1 })
  const signal = AbortSignal.abort()
  await assert.rejects(pool.run({ kind: 'sync', path: '/' }, { signal }), { name: 'AbortError' })
  assert.equal(pool.threads, 0)
})

test('a closed pool fails what is left, and starts nothing', async () => {
  using directory = temporaryDirectory()
  const pool = new WorkerPool({ size: 1 })
  const jobs = [1, 2, 3].map(() => pool.run({ kind: 'sync', path: directory.path }))
  const results = Promise.allSettled(jobs)
  await pool[Symbol.asyncDispose]()
  assert.deepEqual(
    (await results).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  await assert.rejects(pool.run({ kind: 'sync', path: directory.path }), { message: 'The worker pool is closed' })
  assert.equal(pool.threads, 0)
})

test('a thread that is about to end gets no job', async () => {
  using directory = temporaryDirectory()
  await using pool = new WorkerPool({ size: 1, idleTime: 1 })
  // Whatever moment of a thread's end each of these meets.
  for (let delay = 0; delay < 20; delay++) {
    await pool.run({ kind: 'sync', path: directory.path })
    await new Promise(resolve => setTimeout(resolve, 1 + (delay % 5)))
  }
})
