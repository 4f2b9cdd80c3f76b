// The access log on a disk that is full: the registry goes on, and so does the log once there is room.

import assert from 'node:assert/strict'
import { readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryDirectory } from '../../content/testing.ts'
import { AccessLog } from './access-log.ts'
import type { Served } from './served.ts'

const served = (url: string): Served => ({
  time: '2026-01-01T00:00:00.000Z',
  remote: '192.0.2.1',
  method: 'GET',
  url,
  endpoint: 'base',
  status: 200,
  received: 1,
  sent: 1,
  seconds: 0,
})

test('a log whose disk is full ends when it is told to', { timeout: 30_000 }, async () => {
  const log = await AccessLog.open('/dev/full')
  log.write(served('/1'))
  await log[Symbol.asyncDispose]()
})

test('a log whose disk was full goes on', { timeout: 30_000 }, async () => {
  using directory = temporaryDirectory()
  const path = join(directory.path, 'access.log')
  symlinkSync('/dev/full', path)
  await using log = await AccessLog.open(path)
  log.write(served('/lost'))
  rmSync(path)
  const file = join(directory.path, 'room')
  symlinkSync(file, path)
  const kept = () => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return ''
    }
  }
  while (!kept().includes('/kept')) {
    log.write(served('/kept'))
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.doesNotMatch(kept(), /lost/)
})
