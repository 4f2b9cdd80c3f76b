// Threads that serve many at once: back-pressure, cancelling, and what was sent is what arrives.

import assert from 'node:assert/strict'
import { constants, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { openPath } from '../../kernel/descriptor.ts'
import { archive, readArchive, temporaryDirectory } from '../testing.ts'
import { TreeWorkers } from './pool.ts'

const readable = constants.O_RDONLY | constants.O_DIRECTORY
const descriptors = () => readdirSync('/proc/self/fd').length

test('an archive arrives as it was made, however its reader takes it', async () => {
  using place = temporaryDirectory()
  await using workers = new TreeWorkers()
  const content = Buffer.alloc(3_000_000, 'some content that is no multiple of anything\n')
  writeFileSync(place.join('f'), content)
  for (let index = 0; index < 300; index++) writeFileSync(place.join(`small${index}`), `${index}`)
  using root = openPath(place.path, readable)
  const task = workers.begin({ kind: 'export', root: root.number, shift: undefined })
  const pieces: Buffer[] = []
  for await (const piece of task.bytes()) pieces.push(Buffer.from(piece))
  await task.result
  const entries = readArchive(Buffer.concat(pieces))
  assert.equal(entries.length, 301)
  assert.ok(entries[0]?.content.equals(content))
  assert.equal(entries.find(({ name }) => name === 'small7')?.content.toString(), '7')
})

test('many that are read by nobody hold up nothing, and end when they are told to', async () => {
  using place = temporaryDirectory()
  await using workers = new TreeWorkers()
  writeFileSync(place.join('sparse'), '')
  truncateSync(place.join('sparse'), 1e12)
  using root = openPath(place.path, readable)
  const path = { root: root.number, path: '/sparse', container: 'c' }
  assert.equal((await workers.run({ kind: 'stat', ...path })).size, 1e12)
  const before = descriptors()
  const tasks = Array.from({ length: 50 }, () => workers.begin({ kind: 'export', root: root.number, shift: undefined }))
  for (const task of tasks) await task.bytes().next()
  assert.equal((await workers.run({ kind: 'stat', ...path })).size, 1e12)
  assert.ok(descriptors() > before)
  for (const task of tasks) task.cancel()
  for (const task of tasks) await assert.rejects(task.result, { kind: 'unavailable', message: 'context canceled' })
  // Eight threads have been started, with some descriptors of their own each.
  await assert.rejects(workers.run({ kind: 'stat', ...path, path: '/none' }), { kind: 'notFound' })
})

test('what is fed is unpacked, and an end of the thread is told', async () => {
  using place = temporaryDirectory()
  const workers = new TreeWorkers()
  mkdirSync(place.join('to'))
  using root = openPath(place.path, readable)
  using namespace = openPath('/proc/self/ns/mnt', constants.O_RDONLY)
  const job = { kind: 'extract', root: root.number, namespace: namespace.number, container: 'c' } as const
  const how = { keepTypes: false, owner: undefined, shift: undefined }
  const task = workers.begin({ ...job, ...how, path: '/to' })
  assert.equal(await task.head, '/to')
  const bytes = archive([{ name: 'a/b', type: 'file', content: 'x'.repeat(1_000_000) }])
  await task.feed(
    (async function* () {
      for (let at = 0; at < bytes.length; at += 70_000) yield bytes.subarray(at, at + 70_000)
    })(),
  )
  await task.result
  assert.deepEqual(readdirSync(place.join('to/a')), ['b'])
  const waiting = workers.begin({ ...job, ...how, path: '/to' })
  await waiting.head
  await workers[Symbol.asyncDispose]()
  await assert.rejects(waiting.result, { kind: 'system' })
})

test('a thread that is about to end gets no task', async () => {
  using place = temporaryDirectory()
  await using workers = new TreeWorkers({ idleTime: 1 })
  using root = openPath(place.path, readable)
  // Whatever moment of a thread's end each of these meets.
  for (let delay = 0; delay < 20; delay++) {
    await workers.run({ kind: 'stat', root: root.number, path: '/', container: 'c' })
    await new Promise(resolve => setTimeout(resolve, 1 + (delay % 5)))
  }
})
