// Many containers at once from many clients, and nothing left of them.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Engine } from '../kit/engine.ts'
import { Gantryd } from '../kit/gantryd.ts'
import { startEngine } from './engine.ts'

const containers = 200
const clients = 8

/** Calls `body` with 0 … count-1, `clients` of them at a time. */
async function parallel(count: number, body: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const client = async () => {
    while (next < count) await body(next++)
  }
  await Promise.all(Array.from({ length: clients }, client))
}

const running = (engine: Engine) => engine.ok(['ps', '--quiet', '--filter', 'label=crowd'])

test(`${containers} containers from ${clients} clients run, and are gone after rm -f`, async () => {
  await using engine = await startEngine()
  const flags = ['--label', 'crowd', '--volume', '/data']
  // The first container makes what stays: the parent control group, for one.
  await engine.ok(['run', '--rm', ...flags, 'busybox', 'true'])
  const before = engine instanceof Gantryd ? engine.footprint() : undefined
  await parallel(containers, index =>
    engine.ok(['run', '-d', '--name', `crowd${index}`, '-p', '80', ...flags, 'busybox', 'sleep', '600'], {
      timeout: 300_000,
    }),
  )
  const ids = (await running(engine)).split('\n')
  assert.equal(ids.length, containers)
  const addresses = await engine.ok(['inspect', '--format', '{{.NetworkSettings.Networks.bridge.IPAddress}}', ...ids])
  assert.equal(new Set(addresses.split('\n')).size, containers)
  await parallel(clients, index =>
    engine.ok(['rm', '-f', '-v', ...ids.filter((_, which) => which % clients === index)], { timeout: 300_000 }),
  )
  assert.equal(await engine.ok(['ps', '--all', '--quiet']), '')
  assert.equal(await engine.ok(['volume', 'ls', '--quiet']), '')
  if (engine instanceof Gantryd) await engine.settles(before)
})
