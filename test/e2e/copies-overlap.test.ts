// Copies of one container that begin as others end share its mount, and none takes it from another.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { create } from './api.ts'
import { startEngine } from './engine.ts'

test('copies out and in, one beginning as another ends', async () => {
  await using engine = await startEngine()
  await create(engine, 'files', { Cmd: ['true'] })
  const url = 'http://d/v1.41/containers/files/archive?path='
  const get = `curl -sSf --unix-socket ${engine.socket} ${url}/etc/passwd -o /dev/null -w '%{http_code}\\n'`
  const script = `i=0; while [ $i -lt 40 ]; do ${get} || echo failed; i=$((i+1)); done`
  const clients = await Promise.all(Array.from({ length: 4 }, () => engine.run(['sh', '-c', script])))
  const statuses = clients.flatMap(({ stdout }) => stdout.trim().split('\n'))
  assert.deepEqual([...new Set(statuses)], ['200'])
  assert.equal(statuses.length, 160)
})
