// The journal of events: order, bounds, restarts, torn lines, slow readers.

import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { EngineEvent } from './event.ts'
import { Events } from './events.ts'
import { EventJournal } from './journal.ts'
import { until } from '../../test/kit/until.ts'

function place() {
  const path = mkdtempSync(join(tmpdir(), 'gantry-journal-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

const still = { now: () => 1_000n }
const never = new AbortController().signal

async function told(events: Events, since: bigint | undefined): Promise<EngineEvent[]> {
  return Array.fromAsync(events.follow(since, never, AbortSignal.abort()))
}

test('times are unique and ascend, though the clock stands still or goes back over a restart', async () => {
  using directory = place()
  {
    using journal = new EventJournal(directory.path)
    const events = new Events(still, journal)
    for (let count = 0; count < 3; count++) events.publish('container', `a${count}`, 'x')
  }
  using journal = new EventJournal(directory.path)
  const events = new Events({ now: () => 5n }, journal)
  events.publish('container', 'a3', 'x')
  assert.deepEqual(
    (await told(events, 0n)).map(({ action, time }) => [action, time]),
    [
      ['a0', 1000n],
      ['a1', 1001n],
      ['a2', 1002n],
      ['a3', 1003n],
    ],
  )
  assert.deepEqual(
    (await told(events, 1002n)).map(({ action }) => action),
    ['a2', 'a3'],
  )
  assert.deepEqual(await told(events, undefined), [])
})

test('a line that was cut off is not read, and spoils none', async () => {
  using directory = place()
  {
    using journal = new EventJournal(directory.path)
    new Events(still, journal).publish('volume', 'create', 'v', { driver: 'local' })
  }
  appendFileSync(join(directory.path, 'events.jsonl'), '["1001","vol')
  using journal = new EventJournal(directory.path)
  const events = new Events(still, journal)
  events.publish('volume', 'destroy', 'v')
  const all = await told(events, 0n)
  assert.deepEqual(
    all.map(({ action }) => action),
    ['create', 'destroy'],
  )
  assert.deepEqual(all[0]?.attributes, { driver: 'local' })
})

test('the files have a bound, and what is left of them is in order', async () => {
  using directory = place()
  using journal = new EventJournal(directory.path, 4096)
  const events = new Events(still, journal)
  for (let count = 0; count < 1000; count++) events.publish('container', `a${count}`, 'x')
  for (const name of readdirSync(directory.path)) assert.ok(statSync(join(directory.path, name)).size <= 4096)
  const numbers = (await told(events, 0n)).map(({ action }) => Number(action.slice(1)))
  assert.equal(numbers.at(-1), 999)
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => (numbers[0] ?? 0) + index),
  )
})

test('a reader that is slow misses nothing, and nothing is kept for it in memory', async () => {
  using directory = place()
  using journal = new EventJournal(directory.path)
  const events = new Events(still, journal)
  const over = new AbortController()
  const reader = events.follow(undefined, over.signal)
  const first = reader.next()
  events.publish('container', 'a0', 'x')
  assert.equal((await first).value?.action, 'a0')
  for (let count = 1; count < 5000; count++) events.publish('container', `a${count}`, 'x')
  assert.equal(events.listeners, 1)
  for (let count = 1; count < 5000; count++) assert.equal((await reader.next()).value?.action, `a${count}`)
  const waiting = reader.next()
  over.abort()
  assert.equal((await waiting).done, true)
  assert.equal(events.listeners, 0)
})

test('a reader that leaves early leaves no file open', async () => {
  using directory = place()
  using journal = new EventJournal(directory.path, 4096)
  const events = new Events(still, journal)
  for (let count = 0; count < 1000; count++) events.publish('container', `a${count}`, 'x')
  const open = () =>
    readdirSync('/proc/self/fd').filter(fd => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory.path)
      } catch {
        return false
      }
    }).length
  assert.equal(open(), 1)
  for (let round = 0; round < 20; round++) {
    for await (const event of events.follow(0n, never)) {
      assert.ok(event.time > 0n)
      break
    }
  }
  await until(() => open() === 1)
})
