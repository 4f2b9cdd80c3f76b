// A commit freezes its container for a moment, which is no sign of bad health.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

test('a container stays healthy while an image is made of it', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  const check = ['--health-cmd', 'true', '--health-interval', '20ms', '--health-retries', '1']
  const command = 'dd if=/dev/urandom of=/large bs=1M count=96 2>/dev/null; touch /written; exec sleep 300'
  await engine.ok(['run', '-d', '--name', 'well', ...check, 'busybox', 'sh', '-c', command])
  await until(async () => (await engine.docker(['exec', 'well', 'test', '-e', '/written'])).code === 0)
  const status = () => engine.ok(['inspect', 'well', '--format', '{{.State.Health.Status}}'])
  await until(async () => (await status()) === 'healthy')
  await engine.ok(['commit', 'well', 'of-well'])
  const probed = await engine.ok(['inspect', 'well', '--format', '{{(index .State.Health.Log 4).Start}}'])
  const format = '{{(index .State.Health.Log 0).Start}}'
  await until(async () => (await engine.ok(['inspect', 'well', '--format', format])) > probed)
  const filters = ['--filter', 'container=well', '--filter', 'event=health_status']
  const events = await engine.ok(['events', '--since', '0', '--until', '0s', ...filters, '--format', '{{.Action}}'])
  assert.deepEqual([await status(), events], ['healthy', 'health_status: healthy'])
})
