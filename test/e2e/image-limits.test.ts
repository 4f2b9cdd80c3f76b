// What daemon.json says of images: how large their layers may be, and when they are removed by themselves.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { archive } from '../../src/content/testing.ts'
import { dockerArchive } from '../../src/image/testing.ts'
import { until } from '../kit/until.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

async function configure(engine: Gantryd, content: unknown): Promise<void> {
  const reloads = () => engine.log.split('Reloaded the configuration').length
  const before = reloads()
  writeFileSync(engine.configuration, JSON.stringify(content))
  process.kill(engine.pid, 'SIGHUP')
  await until(() => reloads() > before, { what: () => engine.log })
}

test('images above the limit go, and those that containers have stay', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['create', '--name', 'user', 'busybox'])
  const file = join(engine.directory, 'other.tar')
  writeFileSync(file, archive(dockerArchive([{ names: ['other:1'] }])))
  await engine.ok(['load', '-i', file])
  await configure(engine, { 'image-gc-max-size': 1, 'image-gc-min-age': '0' })
  const names = async () => (await engine.ok(['images', '--format', '{{.Repository}}'])).split('\n').filter(Boolean)
  await engine.ok(['tag', 'other:1', 'another:1'])
  await until(async () => (await names()).length === 1, { what: () => 'one image' })
  assert.deepEqual(await names(), ['busybox'])
  await engine.ok(['rm', 'user'])
  await until(async () => (await names()).length === 0, { what: () => 'no image' })
})

test('a layer beyond a limit is refused by the name of its key, and taken when that allows it', {
  skip: onDockerd,
}, async () => {
  await using engine = await startGantrydWithBusybox()
  const file = join(engine.directory, 'large.tar')
  const names = ['a', 'b', 'c'].map(name => ({ name, type: 'file', content: 'x'.repeat(10) }) as const)
  writeFileSync(file, archive(dockerArchive([{ names: ['large:1'], layers: [names] }])))
  const load = () => engine.docker(['load', '-i', file])
  const limits = { 'image-layer-max-entries': 2, 'image-layer-max-size': '29' }
  for (const key of Object.keys(limits)) {
    await configure(engine, limits)
    const { code, stderr } = await load()
    assert.equal(code, 1)
    assert.ok(stderr.includes(`raise ${key} in daemon.json`), stderr)
    delete limits[key as keyof typeof limits]
  }
  await configure(engine, {})
  assert.equal((await load()).code, 0)
})
