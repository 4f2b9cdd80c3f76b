// Images that are removed by themselves, as daemon.json has it.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { archive } from '../../src/content/testing.ts'
import { dockerArchive } from '../../src/image/testing.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

test('images above the limit go, and those that containers have stay', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['create', '--name', 'user', 'busybox'])
  const file = join(engine.directory, 'other.tar')
  writeFileSync(file, archive(dockerArchive([{ names: ['other:1'] }])))
  await engine.ok(['load', '-i', file])
  writeFileSync(engine.configuration, JSON.stringify({ 'image-gc-max-size': 1, 'image-gc-min-age': '0' }))
  process.kill(engine.pid, 'SIGHUP')
  const names = async () => (await engine.ok(['images', '--format', '{{.Repository}}'])).split('\n').filter(Boolean)
  await until(() => engine.log.includes('Reloaded the configuration'), { what: () => engine.log })
  await engine.ok(['tag', 'other:1', 'another:1'])
  await until(async () => (await names()).length === 1, { what: () => 'one image' })
  assert.deepEqual(await names(), ['busybox'])
  await engine.ok(['rm', 'user'])
  await until(async () => (await names()).length === 0, { what: () => 'no image' })
})
