// Which ends a restart policy answers, and how long it waits.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextPause, wantsRestart } from './restart-policy.ts'

const ending = { exitCode: 0, stoppedByUser: false, restartCount: 0 }
const policy = (Name: string, MaximumRetryCount = 0) => ({ Name, MaximumRetryCount })

test('no policy restarts nothing', () => {
  for (const name of ['', 'no']) assert.equal(wantsRestart(policy(name), { ...ending, exitCode: 1 }), false)
})

test('always is always, unless-stopped heeds who stopped it', () => {
  assert.equal(wantsRestart(policy('always'), { ...ending, stoppedByUser: true }), true)
  assert.equal(wantsRestart(policy('unless-stopped'), ending), true)
  assert.equal(wantsRestart(policy('unless-stopped'), { ...ending, stoppedByUser: true }), false)
})

test('on-failure wants a failure, and gives up after so many attempts', () => {
  const failed = { ...ending, exitCode: 3 }
  assert.equal(wantsRestart(policy('on-failure'), ending), false)
  assert.equal(wantsRestart(policy('on-failure'), { ...failed, restartCount: 1000 }), true)
  assert.equal(wantsRestart(policy('on-failure', 2), { ...failed, restartCount: 1 }), true)
  assert.equal(wantsRestart(policy('on-failure', 2), { ...failed, restartCount: 2 }), false)
})

test('pauses double up to a minute and begin anew after ten seconds of running', () => {
  const pauses = [nextPause(0, 0)]
  while (pauses.length < 12) pauses.push(nextPause(pauses.at(-1) ?? 0, 9))
  assert.deepEqual(pauses.slice(0, 4), [100, 200, 400, 800])
  assert.deepEqual(pauses.slice(-2), [60_000, 60_000])
  assert.equal(nextPause(60_000, 10), 100)
})
