// The daemon dies while containers write and clients are attached; containers, logs and exit codes do not notice.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Gantryd } from '../kit/gantryd.ts'
import { commandLine } from '../kit/processes.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

/** A container that writes 1, 2, 3, … one by one and ends with status 7 when /stop exists. */
const counter = 'i=0; while ! [ -e /stop ]; do i=$((i+1)); echo $i; usleep 500; done; exit 7'

function assertCounts(logs: string, atLeast: number): void {
  const lines = logs.split('\n').map(Number)
  assert.ok(lines.length >= atLeast, `${lines.length} lines`)
  assert.deepEqual(
    lines.filter((line, index) => line !== index + 1),
    [],
    'a line is missing or came twice',
  )
}

async function lineCount(engine: Gantryd): Promise<number> {
  return Number((await engine.ok(['logs', '--tail', '1', 'counter'])) || 0)
}

test('kill -9 while writing and attached', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '-d', '--name', 'counter', 'busybox', 'sh', '-c', counter])
  const pid = Number(await engine.ok(['inspect', 'counter', '--format', '{{.State.Pid}}']))
  await using attached = engine.watch(['attach', '--no-stdin', 'counter'])
  await using follower = engine.watch(['logs', '--follow', 'counter'])
  await Promise.all([attached.prints(/\d+\n\d+\n/), follower.prints(/\d+\n\d+\n/)])
  for (let round = 0; round < 3; round++) {
    const before = await lineCount(engine)
    await engine.kill9()
    await engine.start()
    await until(async () => (await lineCount(engine)) > before + 100)
    assert.equal(Number(await engine.ok(['inspect', 'counter', '--format', '{{.State.Pid}}'])), pid)
  }
  await Promise.all([attached.finish(), follower.finish()])
  await using again = engine.watch(['attach', '--no-stdin', 'counter'])
  await again.prints(/\d+\n\d+\n/)
  // The container ends on it, and may take the exec with it.
  await engine.docker(['exec', 'counter', 'touch', '/stop'])
  assert.equal((await again.finish()).code, 7)
  assert.equal(await engine.ok(['wait', 'counter']), '7')
  assertCounts(await engine.ok(['logs', 'counter']), 300)
})

test('what ends while the daemon is away is known when it is back', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const script = 'echo started; until [ -e /tmp/go ]; do usleep 1000; done; echo ended; exit 5'
  await engine.ok(['run', '-d', '--name', 'c1', 'busybox', 'sh', '-c', script])
  await engine.ok(['run', '-d', '--rm', '--name', 'c2', 'busybox', 'sh', '-c', script])
  const pids = await Promise.all(['c1', 'c2'].map(name => engine.ok(['inspect', name, '--format', '{{.State.Pid}}'])))
  await engine.kill9()
  for (const pid of pids) await engine.run(['touch', `/proc/${pid}/root/tmp/go`])
  await until(() => pids.every(pid => commandLine(Number(pid)).length === 0))
  await engine.start()
  assert.equal(await engine.ok(['inspect', 'c1', '--format', '{{.State.Status}} {{.State.ExitCode}}']), 'exited 5')
  assert.equal(await engine.ok(['logs', 'c1']), 'started\nended')
  await until(async () => (await engine.docker(['inspect', 'c2'])).code === 1)
})

test('input, exec, ports and stop work on a container from before the crash', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '-di', '--name', 'c1', 'busybox', 'sh', '-c', 'read x; echo got $x; exit 3'])
  await engine.ok(['run', '-d', '--name', 'web', '-p', '8080:80', 'busybox', 'httpd', '-f', '-h', '/var/www'])
  await engine.kill9()
  await engine.start()
  await using attached = engine.watch(['attach', 'c1'])
  attached.write('word\n')
  assert.deepEqual(await attached.finish(), { code: 3, stdout: 'got word\n', stderr: '' })
  assert.equal(await engine.ok(['exec', 'web', 'cat', '/var/www/index.html']), 'It works')
  const fetch = ['busybox', 'wget', '-qO-', 'http://127.0.0.1:8080/']
  assert.equal((await engine.run(fetch)).stdout, 'It works\n')
  assert.equal((await engine.docker(['run', '--rm', '-p', '8080:80', 'busybox', 'true'])).code, 125)
  await engine.ok(['stop', '--time', '0', 'web'])
  assert.equal(await engine.ok(['inspect', 'web', '--format', '{{.State.ExitCode}}']), '137')
})

test('a daemon that crashes again and again recovers to the same state', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '-d', '--name', 'c1', '-v', 'data:/data', 'busybox', 'sleep', '300'])
  await engine.ok(['create', '--name', 'c2', 'busybox'])
  await engine.docker(['run', '--name', 'c3', 'busybox', 'false'])
  const list = () => engine.ok(['ps', '--all', '--format', '{{.ID}} {{.Names}} {{.State}} {{.Mounts}}'])
  const before = await list()
  for (let round = 0; round < 3; round++) {
    await engine.kill9()
    await engine.start()
    assert.equal(await list(), before)
  }
})
