// Detach keys: reading them, and finding them in what is typed, however it is cut into pieces.

import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { defaultDetachKeys, detaching, parseDetachKeys } from './detach-keys.ts'

test('keys are letters, signs and ctrl- combinations', () => {
  assert.deepEqual(parseDetachKeys(''), defaultDetachKeys)
  assert.deepEqual(parseDetachKeys('ctrl-a,x,ctrl-['), [1, 120, 27])
  for (const text of ['ctrl-', 'ctrl-1', 'ab', 'a,,b']) assert.throws(() => parseDetachKeys(text), { kind: 'invalid' })
})

/** A client whose input is pushed; its output goes nowhere. */
const clientEnd = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })

/** What passes of `typed`, cut before each of `cuts`, and whether it detached. */
async function type(typed: readonly number[], cuts: readonly number[], keys = defaultDetachKeys) {
  const client = clientEnd()
  const filter = detaching(client, keys)
  filter.on('error', () => {})
  const passed = buffer(filter).catch(() => undefined)
  const edges = [0, ...cuts.filter(cut => cut < typed.length).toSorted((a, b) => a - b), typed.length]
  for (let index = 1; index < edges.length; index++) {
    const piece = Buffer.from(typed.slice(edges[index - 1], edges[index]))
    if (piece.length > 0 && !client.destroyed) client.push(piece)
    await new Promise(setImmediate)
  }
  if (!client.destroyed) client.push(null)
  const output = await passed
  return { detached: filter.detached, passed: output && [...output], gone: client.destroyed }
}

test('a sequence detaches whether or not it comes in one piece', async () => {
  for (const cuts of [[], [1], [2], [1, 2]]) {
    const { detached, gone } = await type([97, 16, 17], cuts)
    assert.ok(detached && gone, `cut at ${cuts.join()}`)
  }
})

test('a single key detaches', async () => assert.ok((await type([97, 98], [], [98])).detached))

test('a first key typed twice does not hide the sequence', async () =>
  assert.ok((await type([16, 16, 17], [1, 2])).detached))

test('the beginning of a sequence, with nothing more to come, is input', async () =>
  assert.deepEqual((await type([97, 16], [])).passed, [97, 16]))

test('whatever is no sequence passes unchanged', async () => {
  const keys = fc.array(fc.constantFrom(16, 17, 97), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(keys, fc.array(fc.nat(12), { maxLength: 4 }), async (typed, cuts) => {
      const has = typed.some((key, index) => key === 16 && typed[index + 1] === 17)
      const { detached, passed } = await type(typed, cuts)
      assert.equal(detached, has)
      if (!has) assert.deepEqual(passed, typed)
    }),
    { numRuns: 200 },
  )
})

test('a filter of a client that is gone is gone', () => {
  const client = clientEnd()
  client.destroy()
  assert.ok(detaching(client, defaultDetachKeys).destroyed)
})
