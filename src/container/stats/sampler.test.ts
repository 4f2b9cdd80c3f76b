// Who watches is sampled for, together with others who watch the same; nobody else is.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../lib/clock.ts'
import { silentLog } from '../../lib/log.ts'
import { Cgroups } from '../../runtime/cgroup.ts'
import type { ContainerSettings } from '../engine.ts'
import { Container, type Definition, freshState } from '../model.ts'
import { Sampler } from './sampler.ts'

const definition = { id: 'a'.repeat(64), created: '2026-01-01T00:00:00Z' } as Definition
const settings = { cgroupParent: 'gantry-nothing' } as ContainerSettings

test('a container is sampled once for all who watch it, and no longer than they do', () => {
  const sampler = new Sampler({ settings, cgroups: new Cgroups(), clock: systemClock, log: silentLog })
  const container = new Container('c', definition, freshState())
  const seen: unknown[] = []
  const one = sampler.watch(container, sample => seen.push(sample))
  const other = sampler.watch(container, sample => seen.push(sample))
  assert.equal(seen.length, 2)
  assert.equal(seen[0], seen[1])
  assert.equal(sampler.size, 1)
  one[Symbol.dispose]()
  one[Symbol.dispose]()
  assert.equal(sampler.size, 1)
  other[Symbol.dispose]()
  assert.equal(sampler.size, 0)
  {
    using _next = sampler.watch(container, () => {})
    other[Symbol.dispose]()
    assert.equal(sampler.size, 1)
  }
  // A timer that is left would keep this process from ending.
  assert.deepEqual(
    process.getActiveResourcesInfo().filter(name => name === 'Timeout'),
    [],
  )
})
