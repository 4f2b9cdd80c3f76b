// A second daemon is refused on any part of a first one's premises, until that one is gone.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { claim } from './tenancy.ts'

const dir = mkdtempSync(join(tmpdir(), 'tenancy-'))
after(() => rmSync(dir, { recursive: true }))

const premises = (data: string, run: string, pid: string) => ({
  dataRoot: join(dir, data),
  execRoot: join(dir, run),
  pidfile: join(dir, pid),
})

const refused = (flag: string) => ({
  kind: 'conflict',
  message: new RegExp(`process ${process.pid}: .*another ${flag}$`),
})

test('each root and the PID file belong to one daemon', () => {
  {
    using first = claim(premises('d1', 'r1', 'p1'))
    assert.equal(readFileSync(join(dir, 'p1'), 'utf8'), String(process.pid))
    assert.equal(statSync(join(dir, 'd1')).mode & 0o777, 0o710)
    assert.throws(() => claim(premises('d1', 'r2', 'p2')), refused('--data-root'))
    assert.throws(() => claim(premises('d2', 'r1', 'p2')), refused('--exec-root'))
    assert.throws(() => claim(premises('d2', 'r2', 'p1')), refused('--pidfile'))
    using beside = claim(premises('d2', 'r2', 'p2'))
    assert.ok(first && beside)
  }
  assert.ok(!existsSync(join(dir, 'p1')))
  using again = claim(premises('d1', 'r1', 'p1'))
  assert.ok(again)
})

test('a daemon that was killed is not in the way', async () => {
  const where = premises('d3', 'r3', 'p3')
  const script = `
    const { claim } = await import(${JSON.stringify(new URL('tenancy.ts', import.meta.url).href)})
    globalThis.held = claim(${JSON.stringify(where)})
    console.log('held')
    setInterval(() => {}, 1000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(other.stdout, 'data')
  assert.throws(() => claim(where), { message: new RegExp(`process ${other.pid}:`) })
  other.kill('SIGKILL')
  await once(other, 'exit')
  using ours = claim(where)
  assert.ok(ours)
})
