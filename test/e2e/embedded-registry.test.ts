// The registry beside the engine, as daemon.json names it: pushed to and pulled from, and there again after it, or the daemon, died.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { allPids, processesMentioning } from '../kit/processes.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

test('a registry beside the engine', { skip: onDockerd }, async () => {
  await using directory = temporaryDirectory('registry')
  const config = join(directory.path, 'registry.yaml')
  mkdirSync(join(directory.path, 'content'))
  // The address is in the engine's own network namespace.
  writeFileSync(config, JSON.stringify({ root: 'content', listen: '127.0.0.1:5000' }))
  const processes = () => [...processesMentioning(`--config=${config}`, allPids()).keys()]
  await using engine = await startGantrydWithBusybox({ flags: [`--embedded-registry=${config}`] })
  const name = '127.0.0.1:5000/team/busybox:1'
  await engine.ok(['tag', 'busybox', name])
  const isServed = () => engine.docker(['push', name]).then(({ code }) => code === 0)
  await until(isServed, { every: 100, what: () => engine.log })
  await engine.ok(['rmi', name])
  await engine.ok(['pull', name])

  const [former = 0] = processes()
  process.kill(former, 'SIGKILL')
  await until(() => engine.log.includes('The registry ended: SIGKILL'))
  await until(isServed, { every: 100, what: () => engine.log })

  process.kill(engine.pid, 'SIGHUP')
  await until(() => engine.log.includes('Reloaded the configuration'))

  await engine.kill9()
  await until(() => processes().length === 0)
  await engine.start()
  // The registry is starting.
  process.kill(engine.pid, 'SIGHUP')
  await until(isServed, { every: 100, what: () => engine.log })
  assert.doesNotMatch(engine.log, /The registry ended: SIGHUP/)
  process.kill(engine.pid, 'SIGTERM')
  await engine.killed()
  assert.deepEqual(processes(), [])
})
