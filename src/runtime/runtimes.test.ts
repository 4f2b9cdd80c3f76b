// Which runtime is the default.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProbedRuntime } from './probe.ts'
import { Runtimes } from './runtimes.ts'

const probed = (name: string, millis: number, works = true): ProbedRuntime => ({
  name,
  path: `/usr/bin/${name}`,
  args: [],
  version: '1',
  works,
  reason: works ? '' : 'broken',
  warnings: [],
  recursiveReadonly: false,
  millis,
})

describe('the default runtime', () => {
  test('is crun, also when a busy machine made it the slower one for once', () => {
    assert.equal(new Runtimes([probed('crun', 30), probed('runc', 20)]).defaultName, 'crun')
  })

  test('is another one that takes less than half the time', () => {
    assert.equal(new Runtimes([probed('crun', 50), probed('runc', 40), probed('own', 20)]).defaultName, 'own')
  })

  test('is one that works', () => {
    assert.equal(new Runtimes([probed('crun', 1, false), probed('runc', 40)]).defaultName, 'runc')
    assert.throws(() => new Runtimes([probed('crun', 1, false)]), { kind: 'system' })
  })
})
