// Health checks whose container, daemon or probe does something else meanwhile.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { allPids, processesMentioning } from '../kit/processes.ts'
import { until } from '../kit/until.ts'
import { call, create, healthOf, inspect, remove, start } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const millisecond = 1e6
const lasting = ['sleep', '1000']

const check = (Test: readonly string[], more: object = {}) => ({
  Cmd: lasting,
  Healthcheck: { Test, Interval: 50 * millisecond, ...more },
})

/** How many processes sleep so many seconds: each test has its own number. */
const sleepers = (seconds: string) =>
  [...processesMentioning(seconds, allPids()).values()].filter(line => line === `sleep ${seconds}`).length

test('health checks', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  const becomes = (name: string, status: string) =>
    until(async () => (await healthOf(engine, name)).Status === status, { what: () => `${name} is ${status}` })

  await suite.test('a probe that takes too long is killed with what it started', async () => {
    const Test = ['CMD-SHELL', 'echo begun; sleep 8151; true']
    await create(engine, 'slow', check(Test, { Timeout: 100 * millisecond, Retries: 2 }))
    await start(engine, 'slow')
    await becomes('slow', 'unhealthy')
    const { Log } = await healthOf(engine, 'slow')
    assert.deepEqual([Log[0]?.ExitCode, Log[0]?.Output], [-1, 'Health check exceeded timeout (100ms): begun\n'])
    await until(() => sleepers('8151') === 1)
    assert.ok((await healthOf(engine, 'slow')).Log.length >= 2)
    assert.ok(sleepers('8151') <= 1)
    await remove(engine, 'slow')
    assert.equal(sleepers('8151'), 0)
  })

  await suite.test('no exec is kept, in memory or on disk', async () => {
    await create(engine, 'often', check(['CMD', 'true'], { Interval: millisecond }))
    await start(engine, 'often')
    const ids = new Set<string>()
    await until(async () => {
      const { ExecIDs } = await inspect(engine, 'often')
      assert.ok((ExecIDs ?? []).length <= 1)
      for (const id of ExecIDs ?? []) ids.add(id)
      return ids.size >= 3
    })
    await call(engine, 'POST', '/containers/often/pause')
    await call(engine, 'POST', '/containers/often/unpause')
    await remove(engine, 'often')
    for (const id of ids) assert.equal((await call(engine, 'GET', `/exec/${id}/json`)).status, 404)
  })

  await suite.test('pausing in the middle of a probe ends the probe, and unpausing begins anew', async () => {
    const Test = ['CMD-SHELL', 'test -e /tmp/well || exec sleep 8152']
    await create(engine, 'paused', check(Test, { Timeout: 1000 * millisecond }))
    await start(engine, 'paused')
    await until(() => sleepers('8152') === 1)
    assert.equal((await call(engine, 'POST', '/containers/paused/pause')).status, 204)
    assert.equal((await healthOf(engine, 'paused')).Status, 'unhealthy')
    assert.equal((await call(engine, 'POST', '/containers/paused/unpause')).status, 204)
    await engine.ok(['exec', 'paused', 'touch', '/tmp/well'])
    await becomes('paused', 'healthy')
    assert.equal(sleepers('8152'), 0)
    await remove(engine, 'paused')
  })

  await suite.test('the image’s shell runs it', async () => {
    await create(engine, 'shell', {
      ...check(['CMD-SHELL', 'echo $0']),
      Shell: ['/bin/sh', '-c', 'eval "$0"; echo mine'],
    })
    await start(engine, 'shell')
    await becomes('shell', 'healthy')
    assert.match((await healthOf(engine, 'shell')).Log[0]?.Output ?? '', /mine\n$/)
    await remove(engine, 'shell')
  })

  await suite.test('the start interval holds until the first success', async () => {
    const long = {
      Interval: 3600_000 * millisecond,
      StartInterval: 20 * millisecond,
      StartPeriod: 3600_000 * millisecond,
    }
    await create(engine, 'starting', check(['CMD', 'test', '-e', '/tmp/well'], long))
    await start(engine, 'starting')
    await until(async () => (await healthOf(engine, 'starting')).Log.length >= 3)
    assert.deepEqual(
      [(await healthOf(engine, 'starting')).Status, (await healthOf(engine, 'starting')).FailingStreak],
      ['starting', 0],
    )
    await engine.ok(['exec', 'starting', 'touch', '/tmp/well'])
    await becomes('starting', 'healthy')
    await remove(engine, 'starting')
  })

  await suite.test('another daemon goes on where this one ended', async () => {
    await create(engine, 'kept', check(['CMD', 'test', '!', '-e', '/tmp/ill'], { Retries: 1 }))
    // Its next probe would be in an hour.
    await create(
      engine,
      'rare',
      check(['CMD', 'true'], {
        Interval: 3600_000 * millisecond,
        StartPeriod: 60_000 * millisecond,
        StartInterval: 20 * millisecond,
      }),
    )
    await start(engine, 'kept')
    await start(engine, 'rare')
    await becomes('kept', 'healthy')
    await becomes('rare', 'healthy')
    const before = await healthOf(engine, 'rare')
    await engine.kill9()
    await engine.start()
    assert.deepEqual(await healthOf(engine, 'rare'), before)
    assert.equal((await healthOf(engine, 'kept')).Status, 'healthy')
    await engine.ok(['exec', 'kept', 'touch', '/tmp/ill'])
    await becomes('kept', 'unhealthy')
    await remove(engine, 'kept')
    await remove(engine, 'rare')
  })

  await suite.test('a probe that hangs does not outlive its daemon', async () => {
    const Test = ['CMD-SHELL', 'test -e /tmp/hung && exit 0; touch /tmp/hung; exec sleep 8153']
    await create(engine, 'hung', check(Test, { Timeout: 3600_000 * millisecond }))
    await start(engine, 'hung')
    await until(() => sleepers('8153') === 1)
    await engine.kill9()
    await engine.start()
    await until(() => sleepers('8153') === 0)
    await becomes('hung', 'healthy')
    await remove(engine, 'hung')
  })

  await suite.test('lists tell of it since API 1.52', async () => {
    await create(engine, 'listed', check(['CMD', 'true']))
    await start(engine, 'listed')
    await becomes('listed', 'healthy')
    const listed = async (version: string) => {
      const url = `http://x/${version}/containers/json?all=1&filters={"name":["listed"]}`
      const { stdout } = await engine.run(['curl', '--silent', '--globoff', '--unix-socket', engine.socket, url])
      return JSON.parse(stdout)[0].Health
    }
    assert.deepEqual(
      [await listed('v1.51'), await listed('v1.52')],
      [undefined, { Status: 'healthy', FailingStreak: 0 }],
    )
    await call(engine, 'POST', '/containers/listed/kill')
    assert.deepEqual(await listed('v1.52'), { Status: 'none', FailingStreak: 0 })
    await remove(engine, 'listed')
  })

  await suite.test('many at once', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `many${index}`)
    for (const name of names) {
      await create(engine, name, {
        ...check(['CMD', 'true'], { Interval: 1000 * millisecond }),
        HostConfig: { NetworkMode: 'none' },
      })
      await start(engine, name)
    }
    for (const name of names) await becomes(name, 'healthy')
    for (const name of names) await remove(engine, name)
  })
})
