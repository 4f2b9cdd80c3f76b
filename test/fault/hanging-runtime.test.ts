// A runtime that never comes back: whoever wants the end of its container gets it, and nothing is left.

import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { call, create, inspect, messageOf, remove, start } from '../e2e/api.ts'
import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import { allPids, processesMentioning } from '../kit/processes.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const hanging = {
  Cmd: ['sleep', '600'],
  HostConfig: { Runtime: 'hangs', PortBindings: { '80/tcp': [{ HostPort: '' }] } },
}
const restarting = { ...hanging, HostConfig: { ...hanging.HostConfig, RestartPolicy: { Name: 'always' } } }

const sleepers = () => [...processesMentioning('4711', allPids()).values()].filter(line => line === 'sleep 4711')
const hangs = () => until(() => sleepers().length === 1, { what: () => 'the runtime hangs' })

test('a runtime that hangs', { skip: onDockerd }, async suite => {
  await using place = temporaryDirectory('runtime')
  const [runtime, switchedOn] = [join(place.path, 'hangs'), join(place.path, 'on')]
  // Not exec: the sleeper is a child of the runtime, which must not outlive it.
  const script = `#!/bin/sh\nif [ -e ${switchedOn} ]; then sleep 4711; : "$@"; fi\nexec crun "$@"\n`
  writeFileSync(runtime, script, { mode: 0o755 })
  await using engine = await startGantrydWithBusybox({ flags: [`--add-runtime=hangs=${runtime}`] })
  const hang = () => writeFileSync(switchedOn, '')
  const recover = () => rmSync(switchedOn, { force: true })
  // So that what every container leaves behind is there.
  await create(engine, 'first', hanging)
  await start(engine, 'first')
  await remove(engine, 'first')

  const ends: readonly (readonly [how: string, method: string, path: string])[] = [
    ['kill', 'POST', '/containers/h1/kill'],
    ['stop', 'POST', '/containers/h1/stop?t=0'],
    ['rm --force', 'DELETE', '/containers/h1?force=1'],
  ]
  for (const [how, method, path] of ends) {
    await suite.test(`${how} gives the start up`, async () => {
      const before = engine.footprint()
      await create(engine, 'h1', hanging)
      hang()
      const starting = call(engine, 'POST', '/containers/h1/start')
      await hangs()
      assert.equal((await call(engine, method, path)).status, 204)
      const answer = await starting
      assert.equal(answer.status, 409, answer.text)
      assert.match(messageOf(answer), /was not started: its end was asked for while it was starting$/)
      recover()
      if (method !== 'DELETE') {
        assert.equal((await inspect(engine, 'h1')).State.Running, false)
        await start(engine, 'h1')
        await remove(engine, 'h1')
      }
      assert.deepEqual(sleepers(), [])
      await engine.settles(before)
    })
  }

  await suite.test('an attempt of a restart policy is given up as well', async () => {
    const before = engine.footprint()
    await create(engine, 'h2', restarting)
    await start(engine, 'h2')
    hang()
    process.kill((await inspect(engine, 'h2')).State.Pid, 'SIGKILL')
    await hangs()
    assert.equal((await call(engine, 'POST', '/containers/h2/kill')).status, 204)
    assert.equal((await inspect(engine, 'h2')).State.Status, 'exited')
    recover()
    await remove(engine, 'h2')
    await engine.settles(before)
  })

  await suite.test('an exec hangs as long as its container runs', async () => {
    const before = engine.footprint()
    await create(engine, 'h3', hanging)
    await start(engine, 'h3')
    hang()
    const exec = engine.docker(['exec', 'h3', 'true'])
    await hangs()
    assert.equal((await call(engine, 'POST', '/containers/h3/kill')).status, 204)
    assert.notEqual((await exec).code, 0)
    await until(() => sleepers().length === 0)
    recover()
    await remove(engine, 'h3')
    await engine.settles(before)
  })

  await suite.test('a daemon that comes meanwhile gives it up', async () => {
    await create(engine, 'h4', hanging)
    hang()
    const starting = call(engine, 'POST', '/containers/h4/start').catch(() => undefined)
    await hangs()
    await engine.kill9()
    await starting
    await engine.start()
    assert.deepEqual(sleepers(), [])
    assert.equal((await inspect(engine, 'h4')).State.Status, 'created')
    recover()
    await start(engine, 'h4')
    await remove(engine, 'h4')
  })

  await suite.test('one that is to start with the daemon does not keep the API closed', async () => {
    await create(engine, 'h5', restarting)
    await start(engine, 'h5')
    hang()
    await engine.kill9()
    for (const pid of processesMentioning(engine.execRoot, allPids()).keys()) process.kill(pid, 'SIGKILL')
    await engine.start()
    await hangs()
    recover()
    await remove(engine, 'h5')
    assert.deepEqual(sleepers(), [])
  })
})
