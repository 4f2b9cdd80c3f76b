// Containers that start again by themselves, and those that must not.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Gantryd } from '../kit/gantryd.ts'
import { until } from '../kit/until.ts'
import { call, create, inspect, messageOf, remove, start } from './api.ts'
import { onDockerd, startEngine, startGantrydWithBusybox } from './engine.ts'

const policy = (Name: string, MaximumRetryCount = 0) => ({ HostConfig: { RestartPolicy: { Name, MaximumRetryCount } } })
const failing = { Cmd: ['sh', '-c', 'exit 3'] }
const lasting = { Cmd: ['sleep', '1000'] }

test('restart policies', async suite => {
  await using engine = await startEngine()
  const restarting = (name: string) =>
    until(async () => (await inspect(engine, name)).State.Restarting, { every: 5, what: () => `${name} restarting` })

  await suite.test('on-failure:2 gives up after two attempts', async () => {
    await create(engine, 'twice', { ...failing, ...policy('on-failure', 2) })
    await start(engine, 'twice')
    await until(async () => (await inspect(engine, 'twice')).State.Status === 'exited')
    const { RestartCount, State } = await inspect(engine, 'twice')
    assert.deepEqual([RestartCount, State.ExitCode, State.Running], [2, 3, false])
  })

  await suite.test('on-failure leaves a success alone', async () => {
    await create(engine, 'fine', { Cmd: ['true'], ...policy('on-failure') })
    await start(engine, 'fine')
    await until(async () => (await inspect(engine, 'fine')).State.Status === 'exited')
    assert.equal((await inspect(engine, 'fine')).RestartCount, 0)
  })

  await suite.test('between two attempts it counts as running and refuses what dockerd refuses', async () => {
    await create(engine, 'again', { ...failing, ...policy('always') })
    await start(engine, 'again')
    await until(async () => (await inspect(engine, 'again')).RestartCount > 3)
    await restarting('again')
    const { State, Id } = await inspect(engine, 'again')
    assert.deepEqual([State.Status, State.Running, State.Pid, State.ExitCode], ['restarting', true, 0, 3])
    assert.match(await engine.ok(['ps', '--format', '{{.Names}} {{.Status}}']), /again Restarting \(3\)/)
    const wait = `Container ${Id} is restarting, wait until the container is running`
    const exec = { Cmd: ['true'] }
    for (const [method, path, body] of [
      ['POST', 'pause', undefined],
      ['POST', 'exec', exec],
      ['GET', 'top', undefined],
    ] as const) {
      const answer = await call(engine, method, `/containers/again/${path}`, body)
      assert.deepEqual([answer.status, messageOf(answer)], [409, wait])
    }
    assert.equal((await call(engine, 'POST', '/containers/again/start')).status, 304)
    assert.equal((await call(engine, 'DELETE', '/containers/again')).status, 409)
  })

  await suite.test('stop calls the next attempt off, and those who wait are told', async () => {
    await restarting('again')
    const waiting = engine.docker(['wait', 'again'])
    assert.equal((await call(engine, 'POST', '/containers/again/stop')).status, 204)
    assert.equal((await waiting).stdout, '3\n')
    const { State, RestartCount } = await inspect(engine, 'again')
    assert.equal(State.Status, 'exited')
    assert.equal((await call(engine, 'POST', '/containers/again/stop')).status, 304)
    assert.equal((await inspect(engine, 'again')).RestartCount, RestartCount)
  })

  await suite.test('a start begins to count anew', async () => {
    await start(engine, 'again')
    assert.ok((await inspect(engine, 'again')).RestartCount < 3)
    await restarting('again')
    await remove(engine, 'again')
    assert.equal((await call(engine, 'GET', '/containers/again/json')).status, 404)
  })

  await suite.test('what was killed stays down; what died by itself comes back', async () => {
    await create(engine, 'killed', { ...lasting, ...policy('always') })
    await start(engine, 'killed')
    assert.equal((await call(engine, 'POST', '/containers/killed/kill')).status, 204)
    assert.equal((await inspect(engine, 'killed')).State.Status, 'exited')
    await start(engine, 'killed')
    process.kill((await inspect(engine, 'killed')).State.Pid, 'SIGKILL')
    await until(async () => {
      const { RestartCount, State } = await inspect(engine, 'killed')
      return RestartCount === 1 && State.Status === 'running'
    })
  })

  await suite.test('a command that does not exist is not tried again', async () => {
    await create(engine, 'none', { Cmd: ['nothing'], ...policy('always') })
    const answer = await call(engine, 'POST', '/containers/none/start')
    assert.equal(answer.status, 400, answer.text)
    const { State, RestartCount } = await inspect(engine, 'none')
    assert.deepEqual([State.Status, State.ExitCode, RestartCount], ['created', 127, 0])
  })
})

test('with the daemon start those that should run, and no others', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  const cases: readonly (readonly [string, object, boolean])[] = [
    ['always', policy('always'), true],
    ['always-stopped', policy('always'), true],
    ['unless', policy('unless-stopped'), true],
    ['unless-stopped', policy('unless-stopped'), false],
    ['failed', policy('on-failure'), true],
    ['no', {}, false],
  ]
  for (const [name, how] of cases) {
    await create(engine, name, { ...lasting, ...how })
    await start(engine, name)
  }
  for (const name of ['always-stopped', 'unless-stopped']) await call(engine, 'POST', `/containers/${name}/stop?t=0`)
  const pids = await pidsOf(engine, ['always', 'unless', 'failed', 'no'])
  await engine.kill9()
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await engine.start()
  for (const [name, , runs] of cases) assert.equal((await inspect(engine, name)).State.Running, runs, name)
})

async function pidsOf(engine: Gantryd, names: readonly string[]): Promise<number[]> {
  return Promise.all(names.map(async name => (await inspect(engine, name)).State.Pid))
}
