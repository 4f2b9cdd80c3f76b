// Blobs that come in parts: gone on with, read as they come, and never taken for what they are not.

import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { digestOf, hexOf } from '../oci/digest.ts'
import { readGrowing } from './growing.ts'
import { PartialBlobs } from './partial.ts'
import { temporaryDirectory } from './testing.ts'

const content = Buffer.from('0123456789')
const digest = digestOf(content)

async function place() {
  const directory = temporaryDirectory()
  const partial = new PartialBlobs(directory.path)
  await partial.prepare()
  const left = () => readdirSync(directory.join('partial'))
  return { directory, partial, left, [Symbol.dispose]: () => directory[Symbol.dispose]() }
}

test('what is here is gone on with, also by another process', async () => {
  using here = await place()
  const { directory, partial, left } = here
  {
    await using blob = await partial.resume(digest, content.length)
    await blob.write(content.subarray(0, 4))
  }
  assert.deepEqual(left(), [hexOf(digest)])
  await using blob = await new PartialBlobs(directory.path).resume(digest, content.length)
  assert.equal(blob.written, 4)
  await blob.write(content.subarray(4))
  await blob.publish(directory.join('whole'))
  assert.deepEqual(readFileSync(directory.join('whole')), content)
  assert.deepEqual(left(), [])
})

test('what is not what its digest says is not kept, whoever changed it', async () => {
  using here = await place()
  const { directory, partial, left } = here
  writeFileSync(directory.join('partial', hexOf(digest)), 'wrong')
  {
    await using blob = await partial.resume(digest, content.length)
    await blob.write(content.subarray(5))
    await assert.rejects(blob.publish(directory.join('whole')), {
      kind: 'invalid',
      message: `filesystem layer verification failed for digest ${digest}`,
    })
  }
  assert.deepEqual(left(), [])
  await using blob = await partial.resume(digest, content.length)
  assert.equal(blob.written, 0)
  await assert.rejects(blob.write(Buffer.alloc(11)), { kind: 'invalid' })
})

test('one that is longer than the blob is begun anew', async () => {
  using here = await place()
  const { directory, partial } = here
  writeFileSync(directory.join('partial', hexOf(digest)), 'x'.repeat(20))
  await using blob = await partial.resume(digest, content.length)
  assert.equal(blob.written, 0)
})

test('a reader follows a blob as it comes, by a path that outlasts its name, and is told if it does not come', async () => {
  using here = await place()
  const { directory, partial } = here
  await using blob = await partial.resume(digest, content.length)
  const reader = readGrowing(blob.path, blob.growth, () => false)
  const first = reader.next()
  await blob.write(content.subarray(0, 3))
  assert.equal(String((await first).value), '012')
  await blob.write(content.subarray(3))
  await blob.publish(directory.join('whole'))
  assert.equal(String((await reader.next()).value), '3456789')
  assert.equal((await reader.next()).done, true)
  const cut = await partial.resume(digestOf('x'), 1)
  const waiting = readGrowing(cut.path, cut.growth, () => false).next()
  await cut[Symbol.asyncDispose]()
  await assert.rejects(waiting, { message: 'context canceled' })
})

test('a blob that was abandoned before it was opened is not looked for under a number that is another file’s', async () => {
  using here = await place()
  const cut = await here.partial.resume(digest, content.length)
  const { path, growth } = cut
  await cut[Symbol.asyncDispose]()
  for (const closed of [path, here.directory.join('partial')]) {
    await assert.rejects(readGrowing(closed, growth, () => false).next(), { message: 'context canceled' })
  }
})

test('only one goes on with a blob; others can wait for it', async () => {
  using here = await place()
  const { partial } = here
  const blob = await partial.resume(digest, content.length)
  await assert.rejects(partial.resume(digest, content.length), { kind: 'system' })
  const released = partial.released(digest)
  await blob[Symbol.asyncDispose]()
  await released
  await using again = await partial.resume(digest, content.length)
  assert.equal(again.written, 0)
})

test('old parts go at the start, all that are not in use when pruned', async () => {
  using here = await place()
  const { directory, partial, left } = here
  const old = directory.join('partial', hexOf(digestOf('old')))
  appendFileSync(old, 'old')
  const weeksAgo = Date.now() / 1000 - 8 * 24 * 3600
  utimesSync(old, weeksAgo, weeksAgo)
  await using blob = await partial.resume(digest, content.length)
  await blob.write(content.subarray(0, 1))
  // It is on its way to the file.
  const { arrived } = blob.growth
  while (Atomics.load(arrived, 0) === 0n) await Atomics.waitAsync(arrived, 0, 0n, 100).value
  await new PartialBlobs(directory.path).prepare()
  assert.deepEqual(left(), [hexOf(digest)])
  appendFileSync(old, 'again')
  assert.equal(partial.prune(), 5)
  assert.deepEqual(left(), [hexOf(digest)])
})

test('of all parts that nobody goes on with, those of the limit stay that came last, and none that are empty', async () => {
  using here = await place()
  const { directory, partial, left } = here
  const now = Date.now() / 1000
  const parts = ['first', 'second', 'third'].map(text => hexOf(digestOf(text)))
  for (const [age, name] of parts.toReversed().entries()) {
    appendFileSync(directory.join('partial', name), '12345')
    utimesSync(directory.join('partial', name), now - age, now - age)
  }
  partial.limit = 11
  const empty = await partial.resume(digest, content.length)
  assert.equal(left().length, 4)
  await empty[Symbol.asyncDispose]()
  assert.deepEqual(left().toSorted(), parts.slice(1).toSorted())
})
