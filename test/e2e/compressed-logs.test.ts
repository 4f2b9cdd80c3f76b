// Rotated log files are compressed while the container writes: nothing is lost or doubled, for readers and followers.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

test('compressed while it is written', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  // In bursts, so that rotation and compression meet.
  const script = 'for i in $(seq 1 60); do seq $((i*1000-999)) $((i*1000)); usleep 20000; done'
  const options = ['max-size=50k', 'max-file=500', 'compress=true'].flatMap(option => ['--log-opt', option])
  const id = await engine.ok(['run', '-d', '--name', 'c1', ...options, 'busybox', 'sh', '-c', script])
  const log = join(engine.dataRoot, 'containers', id, `${id}-json.log`)
  await using follower = engine.watch(['logs', '-f', 'c1'])
  const endings = () =>
    readdirSync(dirname(log))
      .filter(name => name.includes('json.log.'))
      .map(name => name.split('json.log.')[1])
  await until(() => endings().some(name => name?.endsWith('.gz')))
  await engine.kill9()
  await engine.start()
  const expected = Array.from({ length: 60_000 }, (_, index) => index + 1).join('\n')
  await engine.ok(['wait', 'c1'])
  const all = () => endings().length > 10 && endings().every(name => /^\d+\.gz$/.test(name ?? ''))
  await until(all, { what: () => endings().join() })
  assert.ok((await engine.ok(['logs', 'c1'])) === expected)
  assert.equal(await engine.ok(['logs', '--tail', '3000', 'c1']), expected.split('\n').slice(-3000).join('\n'))
  await follower.finish()
  const seen = follower.stdout.split('\n').slice(0, -1).map(Number)
  const wrong = seen.findIndex((number, index) => number !== index + 1)
  assert.equal(wrong, -1, `after ${seen[wrong - 1]} comes ${seen[wrong]}, of ${seen.length}`)
})

test('a follower sees each line once', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const script = 'for i in $(seq 1 40); do seq $((i*1000-999)) $((i*1000)); usleep 10000; done'
  const options = ['max-size=50k', 'max-file=500'].flatMap(option => ['--log-opt', option])
  await engine.ok(['run', '-d', '--name', 'c1', '--log-driver', 'local', ...options, 'busybox', 'sh', '-c', script])
  await using follower = engine.watch(['logs', '-f', 'c1'])
  const { stdout } = await follower.finish()
  assert.ok(stdout === Array.from({ length: 40_000 }, (_, index) => `${index + 1}\n`).join(''))
})
