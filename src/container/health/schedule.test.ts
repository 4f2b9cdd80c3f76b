// Many times on one timer.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Schedule, type Timer } from './schedule.ts'

/** A timer whose time passes by hand. */
class ManualTimer implements Timer {
  time = 0
  due: number | undefined
  sets = 0
  #body = () => {}

  now = () => this.time

  set(delay: number, body: () => void) {
    this.due = this.time + delay
    this.#body = body
    this.sets++
  }

  clear() {
    this.due = undefined
  }

  /** Goes to the next time that is set. */
  step() {
    this.time = this.due ?? this.time
    this.due = undefined
    this.#body()
  }
}

test('everything comes in the order of its time, whatever is called off', () => {
  const timer = new ManualTimer()
  const schedule = new Schedule(timer)
  const done: number[] = []
  const delays = Array.from({ length: 500 }, (_, index) => (index * 7919) % 503)
  const entries = delays.map(delay => schedule.after(delay, () => done.push(delay)))
  entries.forEach((entry, index) => index % 3 === 0 && entry[Symbol.dispose]())
  const expected = delays.filter((_, index) => index % 3 !== 0).toSorted((a, b) => a - b)
  assert.equal(schedule.size, expected.length)
  while (timer.due !== undefined) timer.step()
  assert.deepEqual(done, expected)
  assert.equal(schedule.size, 0)
})

test('the timer is set for the first only', () => {
  const timer = new ManualTimer()
  const schedule = new Schedule(timer)
  const first = schedule.after(10, () => {})
  for (let delay = 20; delay < 1000; delay++) schedule.after(delay, () => {})
  assert.equal(timer.sets, 1)
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  assert.deepEqual([timer.sets, timer.due], [2, 20])
})

test('what throws keeps nothing else from its time', () => {
  const timer = new ManualTimer()
  const schedule = new Schedule(timer)
  const done: string[] = []
  schedule.after(5, () => {
    throw new Error('out of order')
  })
  schedule.after(5, () => done.push('second'))
  schedule.after(9, () => done.push('third'))
  assert.throws(() => timer.step(), /out of order/)
  while (timer.due !== undefined) timer.step()
  assert.deepEqual(done, ['second', 'third'])
})

test('what is done may plan more, and call off what is due with it', () => {
  const timer = new ManualTimer()
  const schedule = new Schedule(timer)
  const done: string[] = []
  schedule.after(5, () => {
    done.push('first')
    second[Symbol.dispose]()
    schedule.after(5, () => done.push('third'))
  })
  const second = schedule.after(5, () => done.push('second'))
  timer.step()
  timer.step()
  assert.deepEqual([done, timer.time, timer.due], [['first', 'third'], 10, undefined])
})
