// Containers that start again by themselves, and those that must not.

import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { Gantryd } from '../kit/gantryd.ts'
import { allPids, processesMentioning } from '../kit/processes.ts'
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

  await suite.test('kill calls the next attempt off as well', async () => {
    await start(engine, 'again')
    await until(async () => (await inspect(engine, 'again')).RestartCount > 2)
    await restarting('again')
    assert.equal((await call(engine, 'POST', '/containers/again/kill')).status, 204)
    assert.equal((await inspect(engine, 'again')).State.Status, 'exited')
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

/** What is in the database when the daemon or the host goes down, and whether it runs afterwards. */
const kept: readonly (readonly [
  name: string,
  how: object,
  before: 'runs' | 'stopped' | 'killed' | 'created',
  after: boolean,
])[] = [
  ['always', policy('always'), 'runs', true],
  ['always-stopped', policy('always'), 'stopped', true],
  ['always-created', policy('always'), 'created', false],
  ['unless', policy('unless-stopped'), 'runs', true],
  ['unless-stopped', policy('unless-stopped'), 'stopped', false],
  ['unless-killed', policy('unless-stopped'), 'killed', false],
  ['failed', policy('on-failure'), 'runs', true],
  ['failed-killed', policy('on-failure', 2), 'killed', true],
  ['no', {}, 'runs', false],
]

async function prepareKept(engine: Gantryd): Promise<void> {
  for (const [name, how, before] of kept) {
    await create(engine, name, { ...lasting, ...how })
    if (before !== 'created') await start(engine, name)
    if (before === 'stopped') await call(engine, 'POST', `/containers/${name}/stop?t=0`)
    if (before === 'killed') await call(engine, 'POST', `/containers/${name}/kill`)
  }
  await create(engine, 'spent', { ...failing, ...policy('on-failure', 1) })
  await start(engine, 'spent')
  await until(async () => (await inspect(engine, 'spent')).State.Status === 'exited')
}

async function checkKept(engine: Gantryd, codeOfLost: number): Promise<void> {
  for (const [name, , , after] of kept) assert.equal((await inspect(engine, name)).State.Running, after, name)
  const { RestartCount, State } = await inspect(engine, 'spent')
  assert.deepEqual([RestartCount, State.Status, State.ExitCode], [1, 'exited', 3])
  assert.equal((await inspect(engine, 'no')).State.ExitCode, codeOfLost)
  assert.equal((await inspect(engine, 'always-created')).State.Status, 'created')
}

test('with the daemon start those that should run, and no others', { skip: onDockerd }, async suite => {
  await suite.test('after their processes were lost with it', async () => {
    await using engine = await startGantrydWithBusybox()
    await prepareKept(engine)
    const names = kept.filter(([, , before]) => before === 'runs').map(([name]) => name)
    const pids = await pidsOf(engine, names)
    await engine.kill9()
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await engine.start()
    await checkKept(engine, 137)
  })

  await suite.test('after the host went down', async () => {
    await using engine = await startGantrydWithBusybox()
    await prepareKept(engine)
    await create(engine, 'loop', { ...failing, ...policy('always') })
    await start(engine, 'loop')
    await until(async () => (await inspect(engine, 'loop')).RestartCount >= 3)
    await engine.kill9()
    loseHost(engine)
    await engine.start()
    await checkKept(engine, 255)
    await until(async () => (await inspect(engine, 'loop')).RestartCount >= 1)
  })
})

/** What a power cut takes: every process of the engine, and its exec root. */
function loseHost(engine: Gantryd): void {
  for (const pid of processesMentioning(engine.execRoot, allPids()).keys()) process.kill(pid, 'SIGKILL')
  for (const name of readdirSync(engine.execRoot)) rmSync(join(engine.execRoot, name), { recursive: true, force: true })
}

test('a daemon that dies while containers stop', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  // It is told to stop, and does so once it may.
  const Cmd = ['sh', '-c', 'trap "touch /told" TERM; until test -e /may; do sleep .05; done; exit 5']
  for (const name of ['always', 'unless-stopped']) {
    await create(engine, name, { Cmd, ...policy(name) })
    await start(engine, name)
  }
  const stopping = ['always', 'unless-stopped'].map(name =>
    call(engine, 'POST', `/containers/${name}/stop?t=600`).catch(() => undefined),
  )
  for (const name of ['always', 'unless-stopped']) {
    await until(async () => (await engine.docker(['exec', name, 'test', '-e', '/told'])).code === 0)
  }
  await engine.kill9()
  await Promise.all(stopping)
  await engine.start()
  const { Pid } = (await inspect(engine, 'always')).State
  for (const name of ['always', 'unless-stopped']) await engine.ok(['exec', name, 'touch', '/may'])
  await until(async () => (await inspect(engine, 'unless-stopped')).State.Status === 'exited')
  assert.equal((await inspect(engine, 'unless-stopped')).State.ExitCode, 5)
  await until(async () => {
    const { RestartCount, State } = await inspect(engine, 'always')
    return RestartCount > 0 && State.Pid !== Pid
  })
})

async function pidsOf(engine: Gantryd, names: readonly string[]): Promise<number[]> {
  return Promise.all(names.map(async name => (await inspect(engine, name)).State.Pid))
}
