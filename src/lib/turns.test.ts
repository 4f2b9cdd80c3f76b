// Work that waits for its turn.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Turns } from './turns.ts'

test('no more than the limit run at once, and a limit that was raised counts', async () => {
  let limit = 2
  const turns = new Turns(() => limit)
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>())
  let running = 0
  const all = gates.map(({ promise }) =>
    turns.run(async () => {
      running++
      await promise
      running--
    }),
  )
  await turn()
  assert.equal(running, 2)
  limit = 3
  gates[0]?.resolve()
  await turn()
  assert.equal(running, 3)
  for (const { resolve } of gates) resolve()
  await Promise.all(all)
  assert.equal(running, 0)
})

test('one that is called off while it waits gives its place to nobody', async () => {
  const turns = new Turns(() => 1)
  const gate = Promise.withResolvers<void>()
  const first = turns.run(() => gate.promise)
  const abort = new AbortController()
  const second = turns.run(() => Promise.reject(new Error('it ran')), abort.signal)
  abort.abort(new Error('called off'))
  await assert.rejects(second, { message: 'called off' })
  gate.resolve()
  await first
  assert.equal(await turns.run(async () => 'free'), 'free')
})
