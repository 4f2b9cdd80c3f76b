// How long caches keep what nobody asks for, where one's prefix is within another's.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskStorage } from '../disk-storage.ts'
import { Repositories } from '../repositories.ts'
import { applyRetention } from '../retention.ts'
import { pushImage, startRegistry } from '../testing.ts'
import { expiryOf } from './expiry.ts'
import type { CacheRule } from './remotes.ts'

const day = 86_400_000
const rule = (prefix: string, keep: number | undefined): CacheRule => ({
  prefix,
  remote: 'registry.example.org',
  username: undefined,
  password: undefined,
  insecure: false,
  fresh: 0,
  wait: 0,
  keep,
})

test('the longest prefix says how long, in whatever order the rules stand, and for ever is a time, too', async () => {
  await using registry = await startRegistry()
  for (const name of ['app', 'hub/app', 'hub/long/app', 'hub/ever/app', 'hub/ever/short/app'])
    await pushImage(registry, name, 'latest')
  const rules = [
    rule('', 8 * day),
    rule('hub', 2 * day),
    rule('hub/long', 6 * day),
    rule('hub/ever', undefined),
    rule('hub/ever/short', day),
  ]
  const repositories = new Repositories(new DiskStorage(registry.root))
  const goAfter = async (days: number, given: readonly CacheRule[]) => {
    const gone = await applyRetention(repositories, expiryOf(given), { now: Date.now() + days * day, dryRun: true })
    return gone.filter(name => name.endsWith(':latest')).toSorted()
  }
  for (const given of [rules, rules.toReversed()]) {
    assert.deepEqual(await goAfter(1.5, given), ['hub/ever/short/app:latest'])
    assert.deepEqual(await goAfter(3, given), ['hub/app:latest', 'hub/ever/short/app:latest'])
    assert.deepEqual(await goAfter(7, given), ['hub/app:latest', 'hub/ever/short/app:latest', 'hub/long/app:latest'])
    assert.ok(!(await goAfter(1000, given)).includes('hub/ever/app:latest'))
  }
})

test('a cache that keeps all leaves its repositories to the rules of retention', () => {
  assert.deepEqual(
    expiryOf([rule('hub', undefined), rule('hubs', day)]).map(({ repository }) => repository),
    ['hubs/**'],
  )
})
