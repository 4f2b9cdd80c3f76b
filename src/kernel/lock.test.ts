// Locks exclude each other and end with their descriptor.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { lockFile } from './lock.ts'

const dir = mkdtempSync(join(tmpdir(), 'lock-'))
after(() => rmSync(dir, { recursive: true }))

test('a lock is held once, until its descriptor is closed', () => {
  const path = join(dir, 'a')
  const first = lockFile(path)
  assert.ok(first)
  assert.equal(lockFile(path), undefined)
  first.close()
  using second = lockFile(path)
  assert.ok(second)
})

test('a path that cannot be opened is an error that names it', () => {
  assert.throws(() => lockFile(join(dir, 'missing/a')), { name: 'KernelError', code: 'ENOENT', syscall: 'open' })
})
