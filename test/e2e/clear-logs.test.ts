// Clearing a log: what was logged is gone, what is written meanwhile is kept, and a follower sees all of it.

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }
const gantry = join(import.meta.dirname, '../../bin/gantry')

const numbers = (text: string) => text.split('\n').filter(Boolean).map(Number)
const consecutive = (found: readonly number[]) =>
  found.every((number, index) => index === 0 || number === (found[index - 1] ?? 0) + 1)

test('a log is cleared while the container writes', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const script = 'i=0; while ! [ -e /stop ]; do i=$((i+1)); echo $i; usleep 200; done'
  const options = ['--log-opt', 'max-size=20k', '--log-opt', 'max-file=200']
  const id = await engine.ok(['run', '-d', '--name', 'c1', ...options, 'busybox', 'sh', '-c', script])
  const log = join(engine.dataRoot, 'containers', id, `${id}-json.log`)
  await using follower = engine.watch(['logs', '-f', 'c1'])
  let last = 0
  for (let round = 0; round < 3; round++) {
    await until(() => existsSync(`${log}.2`))
    assert.equal((await engine.run([gantry, 'logs', '--clear', 'c1'])).stderr, '')
    const kept = numbers(await engine.ok(['logs', 'c1']))
    assert.ok(consecutive(kept) && (kept[0] ?? last + 1) > last, `it begins at ${kept[0]}`)
    last = kept.at(-1) ?? last
  }
  await engine.docker(['exec', 'c1', 'touch', '/stop'])
  await engine.ok(['wait', 'c1'])
  const { stdout } = await follower.finish()
  const seen = numbers(stdout)
  assert.ok(seen[0] === 1 && consecutive(seen), 'the follower misses a line, or has one twice')
  assert.equal(seen.at(-1), numbers(await engine.ok(['logs', '--tail', '1', 'c1']))[0])

  assert.equal((await engine.run([gantry, 'logs', '--clear', 'c1'])).code, 0)
  assert.equal(await engine.ok(['logs', 'c1']), '')
  assert.deepEqual(
    readdirSync(dirname(log)).filter(name => name.includes('json.log')),
    [],
  )
  await engine.ok(['start', 'c1'])
  await engine.ok(['wait', 'c1'])
  assert.equal(await engine.ok(['inspect', 'c1', '--format', '{{.State.ExitCode}}']), '0')
})

test('what can’t be cleared is said', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['create', '--name', 'c1', '--log-driver', 'none', 'busybox', 'true'])
  const { code, stderr } = await engine.run([gantry, 'logs', '--clear', 'c1'])
  assert.deepEqual([code, /configured logging driver does not support reading/.test(stderr)], [1, true])
  assert.match((await engine.run([gantry, 'logs', '--clear', 'nothing'])).stderr, /No such container: nothing/)
  await engine.ok(['create', '--name', 'c2', 'busybox', 'true'])
  assert.equal((await engine.run([gantry, 'logs', '--clear', 'c2'])).stderr, '')
})
