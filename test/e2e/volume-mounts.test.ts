// Volumes that are mounts of something else: mounted as long as someone uses them, whoever that is, and no longer.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { readMountTable } from '../../src/kernel/mount-table.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

test('a volume with mount options is mounted for its users', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  const options = ['--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', 'o=size=1m']
  await engine.ok(['volume', 'create', ...options, 'mem'])
  const path = join(engine.dataRoot, 'volumes/mem/_data')
  const isMounted = () => readMountTable().some(({ mountPoint }) => mountPoint === path)
  const run = (name: string, ...command: string[]) =>
    engine.ok(['run', '-d', '--name', name, '-v', 'mem:/mem', 'busybox', ...command])
  const written = (name: string) => engine.ok(['exec', name, 'cat', '/mem/written'])

  await suite.test('until the last container has ended', async () => {
    await run('first', 'sh', '-c', 'echo first >/mem/written; exec sleep 1000')
    await until(async () => (await engine.docker(['exec', 'first', 'test', '-s', '/mem/written'])).code === 0)
    await run('second', 'sleep', '1000')
    assert.equal(await written('second'), 'first')
    await engine.ok(['kill', 'first'])
    await run('third', 'sleep', '1000')
    assert.equal(await written('third'), 'first')
    await engine.ok(['kill', 'second', 'third'])
    assert.equal(isMounted(), false)
  })

  await suite.test('also if a daemon comes and goes', async () => {
    await engine.ok(['start', 'first', 'second'])
    await until(async () => (await engine.docker(['exec', 'first', 'test', '-s', '/mem/written'])).code === 0)
    await engine.kill9()
    await engine.start()
    await engine.ok(['kill', 'first'])
    assert.equal(await written('second'), 'first')
    await engine.ok(['start', 'third'])
    assert.equal(await written('third'), 'first')
    await engine.ok(['kill', 'second'])
    const pid = Number(await engine.ok(['inspect', 'third', '--format', '{{.State.Pid}}']))
    await engine.kill9()
    assert.equal(isMounted(), true)
    process.kill(pid, 'SIGKILL')
    await engine.start()
    await until(() => !isMounted())
  })

  await suite.test('while it is copied from, and when a start fails', async () => {
    await engine.ok(['cp', 'first:/mem', join(engine.scratch, 'copy')])
    await until(() => !isMounted())
    await engine.ok(['create', '--name', 'broken', '-v', 'mem:/mem', 'busybox', '/nothing'])
    assert.equal((await engine.docker(['start', 'broken'])).code, 1)
    assert.equal(isMounted(), false)
    await engine.ok(['rm', 'first', 'second', 'third', 'broken'])
    await engine.ok(['volume', 'rm', 'mem'])
  })
})
