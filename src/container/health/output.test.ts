// What is kept of a probe's output, and places for those that start.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { frameHeader } from '../log-format.ts'
import { ProbeOutput, longestOutput } from './output.ts'
import { Slots } from './slots.ts'

const framed = (stream: 'stdout' | 'stderr', text: string) =>
  Buffer.concat([frameHeader(stream, Buffer.byteLength(text)), Buffer.from(text)])

test('frames in any pieces', () => {
  const bytes = Buffer.concat([framed('stdout', 'one '), framed('stderr', ''), framed('stderr', 'two')])
  for (let size = 1; size <= bytes.length; size++) {
    const output = new ProbeOutput()
    for (let at = 0; at < bytes.length; at += size) output.take(bytes.subarray(at, at + size))
    assert.equal(String(output), 'one two')
  }
})

test('the beginning is kept, and said to be that', () => {
  const exact = new ProbeOutput()
  exact.take(framed('stdout', 'x'.repeat(longestOutput)))
  assert.equal(String(exact), 'x'.repeat(longestOutput))
  exact.take(framed('stdout', 'y'))
  assert.equal(String(exact), `${'x'.repeat(longestOutput)}...`)
})

test('places go to those who wait, in their order, and not to those who gave up', async () => {
  const slots = new Slots(1)
  const never = new AbortController().signal
  const gaveUp = new AbortController()
  const first = await slots.take(never)
  const order: string[] = []
  const given = slots.take(gaveUp.signal).catch(() => order.push('gave up'))
  const second = slots.take(never).then(place => (order.push('second'), place))
  const third = slots.take(never).then(place => (order.push('third'), place))
  gaveUp.abort()
  await given
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  ;(await second)[Symbol.dispose]()
  ;(await third)[Symbol.dispose]()
  assert.deepEqual(order, ['gave up', 'second', 'third'])
})
