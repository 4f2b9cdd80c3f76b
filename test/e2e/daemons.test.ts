// Several daemons on one host, one per root; leaving without taking containers along.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { run } from '../kit/command.ts'
import { commandLine } from '../kit/processes.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

test('two daemons side by side know nothing of each other', gantrydOnly, async () => {
  await using first = await startGantrydWithBusybox()
  await using second = await startGantrydWithBusybox()
  const id = await first.ok(['run', '-d', '--name', 'same', '-v', 'data:/data', 'busybox', 'sleep', '300'])
  await second.ok(['run', '-d', '--name', 'same', 'busybox', 'sleep', '300'])
  await second.ok(['rm', '-f', 'same'])
  assert.equal(await first.ok(['ps', '--quiet', '--no-trunc']), id)
  assert.equal(await second.ok(['volume', 'ls', '--quiet']), '')
})

test('a second daemon on the same root is refused and does no harm', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '-d', '--name', 'c1', 'busybox', 'sleep', '300'])
  const argv = engine.argv.map(flag => flag.replace(/^--(host=.*|pidfile=.*|exec-root=.*)$/, '--$1-second'))
  const { code, stderr } = await run(engine.namespace.enter(argv), { timeout: 20_000 })
  assert.notEqual(code, 0)
  assert.ok(stderr.includes(engine.dataRoot), `the message names the root: ${stderr}`)
  assert.equal(await engine.ok(['exec', 'c1', 'echo', 'unharmed']), 'unharmed')
})

test('SIGTERM leaves containers running, at once', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '-d', '--name', 'c1', 'busybox', 'sleep', '300'])
  const pid = Number(await engine.ok(['inspect', 'c1', '--format', '{{.State.Pid}}']))
  const started = performance.now()
  assert.equal(await engine.stop(), 0)
  // Promised is a second; a machine busy with other tests gets five.
  assert.ok(performance.now() - started < 5000)
  assert.deepEqual(commandLine(pid), ['sleep', '300'])
  await engine.start()
  assert.equal(Number(await engine.ok(['inspect', 'c1', '--format', '{{.State.Pid}}'])), pid)
})
