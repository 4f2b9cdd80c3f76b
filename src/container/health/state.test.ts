// Health as its probes tell it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Health } from '../../api/types/container.ts'
import { type HealthCheck, healthCheckOf } from './check.ts'
import { afterProbe, pauseBefore, unwatchedHealth } from './state.ts'

const check: HealthCheck = {
  probe: { argv: ['true'] },
  interval: 30_000,
  timeout: 30_000,
  startPeriod: 10_000,
  startInterval: 500,
  retries: 2,
}
const starting: Health = { Status: 'starting', FailingStreak: 0, Log: [] }
const result = (ExitCode: number) => ({ Start: 's', End: 'e', ExitCode, Output: '' })
const afterAll = (codes: readonly number[], sinceStart: number) =>
  codes.reduce((health, code) => afterProbe(health, result(code), check, sinceStart), starting)

const checkOf = (Test: string[], Shell?: string[]) =>
  healthCheckOf({ config: { Healthcheck: { Test }, Shell } } as unknown as Parameters<typeof healthCheckOf>[0])

test('one success is enough, and so many failures in a row', () => {
  assert.equal(afterAll([0], 20_000).Status, 'healthy')
  assert.equal(afterAll([1], 20_000).Status, 'starting')
  assert.equal(afterAll([1, 1], 20_000).Status, 'unhealthy')
  assert.equal(afterAll([0, 1], 20_000).Status, 'healthy')
  assert.equal(afterAll([1, 0, 1], 20_000).FailingStreak, 1)
  assert.equal(afterAll([1, 1, 0], 20_000).Status, 'healthy')
  assert.equal(afterAll([-1, 2], 20_000).Status, 'unhealthy')
})

test('failures in the start period count from the first success on', () => {
  const failing = afterAll([1, 1, 1], 1_000)
  assert.deepEqual([failing.Status, failing.FailingStreak, failing.Log?.length], ['starting', 0, 3])
  assert.equal(afterAll([1, 0, 1, 1], 1_000).Status, 'unhealthy')
})

test('five results are kept', () => {
  assert.deepEqual(
    afterAll([1, 2, 3, 4, 5, 6, 7], 1_000).Log?.map(({ ExitCode }) => ExitCode),
    [3, 4, 5, 6, 7],
  )
})

test('the start interval holds until the first success or the end of the start period', () => {
  assert.equal(pauseBefore(starting, check, 1_000), 500)
  assert.equal(pauseBefore(starting, check, 10_000), 30_000)
  assert.equal(pauseBefore({ ...starting, Status: 'healthy' }, check, 1_000), 30_000)
})

test('what is not watched counts as unhealthy and keeps its results', () => {
  const before = afterAll([0], 20_000)
  assert.deepEqual(unwatchedHealth(before), { ...before, Status: 'unhealthy' })
})

test('checks by their words', () => {
  assert.equal(checkOf([]), undefined)
  assert.equal(checkOf(['NONE']), undefined)
  assert.equal(checkOf(['WHAT', 'true']), undefined)
  assert.deepEqual(checkOf(['CMD', 'a', 'b']), {
    probe: { argv: ['a', 'b'] },
    interval: 30_000,
    timeout: 30_000,
    startPeriod: 0,
    startInterval: 5_000,
    retries: 3,
  })
  assert.deepEqual(checkOf(['CMD-SHELL', 'a b'])?.probe.argv, ['/bin/sh', '-c', 'a b'])
  assert.deepEqual(checkOf(['CMD-SHELL', 'a b'], ['/bin/ash', '-ec'])?.probe.argv, ['/bin/ash', '-ec', 'a b'])
})
