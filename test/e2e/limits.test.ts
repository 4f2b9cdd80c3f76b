// Limits that end a container say so.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { onDockerd, startGantrydWithBusybox } from './engine.ts'

test('a container out of memory is killed and says so', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  const eat = ['dd', 'if=/dev/zero', 'of=/dev/shm/x', 'bs=1M', 'count=32']
  const { code } = await engine.docker(['run', '--name', 'eater', '--memory', '16m', 'busybox', ...eat])
  assert.equal(code, 137)
  assert.equal(await engine.ok(['inspect', 'eater', '--format', '{{.State.OOMKilled}}']), 'true')
})
