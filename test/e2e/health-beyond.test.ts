// Health checks beyond Docker's: without a program in the container, and with consequences.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { until } from '../kit/until.ts'
import { call, create, healthOf, inspect, messageOf, remove, start } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const millisecond = 1e6

/** A server in the container, and the probe of it by label. */
const serves = (script: string, probe: string, more: object = {}) => ({
  Cmd: ['sh', '-c', script],
  Labels: { 'gantry.healthcheck': probe },
  Healthcheck: { Interval: 100 * millisecond, Retries: 1, ...more },
})

/** A server that answers each connection with what some shell prints. */
const answering = (answer: string) => `nc -ll -p 80 -e sh -c '${answer}'`

/** What a server does, the probe, the health that follows, and what the probe's result says. */
const cases: readonly (readonly [what: string, script: string, probe: string, status: string, output: RegExp])[] = [
  [
    'a page',
    'mkdir /w; echo hello > /w/index.html; httpd -f -p 80 -h /w',
    'http://localhost/',
    'healthy',
    /^http:\/\/localhost\/: 200 OK\nhello\n$/,
  ],
  ['no such page', 'mkdir /w; httpd -f -p 80 -h /w', 'http://127.0.0.1:80/none', 'unhealthy', /: 404 Not Found/],
  ['nobody', 'sleep 1000', 'http://localhost:81/', 'unhealthy', /ECONNREFUSED/],
  ['a port', 'nc -ll -p 6379 -e cat', 'tcp://localhost:6379', 'healthy', /^tcp:\/\/localhost:6379: connected$/],
  ['no port', 'sleep 1000', 'tcp://localhost:6380', 'unhealthy', /ECONNREFUSED/],
  ['what is not HTTP', answering('echo nonsense'), 'http://localhost/', 'unhealthy', /Parse Error/],
  [
    'an answer without end',
    answering('printf "HTTP/1.0 200 OK\\r\\n\\r\\n"; cat /dev/zero | tr "\\0" x'),
    'http://localhost/',
    'healthy',
    /: 200 OK\nx{4000}x*\.\.\.$/,
  ],
  [
    'headers without end',
    answering('printf "HTTP/1.0 200 OK\\r\\na: "; cat /dev/zero | tr "\\0" x'),
    'http://localhost/',
    'unhealthy',
    /Header overflow|HPE_HEADER_OVERFLOW/,
  ],
  [
    'silence',
    'nc -ll -p 80 -e sleep 1000',
    'http://localhost/',
    'unhealthy',
    /^Health check exceeded timeout \(500ms\)$/,
  ],
]

test('probes without a program', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  for (const [what, script, probe, status, output] of cases) {
    await suite.test(`${what}: ${status}`, async () => {
      await create(
        engine,
        'native',
        serves(script, probe, { Timeout: 500 * millisecond, Retries: status === 'healthy' ? 100 : 1 }),
      )
      const before = engine.footprint().descriptors?.length ?? 0
      await start(engine, 'native')
      await until(
        async () => {
          const { Log } = await healthOf(engine, 'native')
          return output.test(Log.at(-1)?.Output ?? '')
        },
        { timeout: 8000, what: () => what },
      )
      await until(async () => (await healthOf(engine, 'native')).Status === status)
      await remove(engine, 'native')
      await until(() => (engine.footprint().descriptors?.length ?? 0) <= before)
    })
  }

  await suite.test('it is the container’s network, not the host’s', async () => {
    const host = { Cmd: ['nc', '-ll', '-p', '7001', '-e', 'cat'], HostConfig: { NetworkMode: 'host' } }
    await create(engine, 'outside', host)
    await start(engine, 'outside')
    await create(engine, 'inside', serves('sleep 1000', 'tcp://localhost:7001'))
    await start(engine, 'inside')
    await until(async () => (await healthOf(engine, 'inside')).Status === 'unhealthy')
    await create(engine, 'with-host', {
      ...serves('sleep 1000', 'tcp://localhost:7001'),
      HostConfig: { NetworkMode: 'host' },
    })
    await start(engine, 'with-host')
    await until(async () => (await healthOf(engine, 'with-host')).Status === 'healthy')
    for (const name of ['outside', 'inside', 'with-host']) await remove(engine, name)
  })

  await suite.test('docker run can ask for it, and inspect shows it', async () => {
    const flags = ['--label', 'gantry.healthcheck=tcp://localhost:1', '--health-interval', '1h']
    await engine.ok(['run', '-d', '--name', 'labelled', ...flags, 'busybox', 'sleep', '1000'])
    assert.equal(
      await engine.ok(['inspect', '--format', '{{json .Config.Healthcheck.Test}}', 'labelled']),
      '["TCP","tcp://localhost:1"]',
    )
    await remove(engine, 'labelled')
  })

  await suite.test('what cannot be is refused', async () => {
    const bad = [{ 'gantry.healthcheck': 'http://example.com/' }, { 'gantry.health-on-failure': 'explode' }]
    for (const Labels of bad) {
      const answer = await call(engine, 'POST', '/containers/create', { Image: 'busybox', Labels })
      assert.equal(answer.status, 400)
      assert.match(messageOf(answer), /^invalid (health check|label)/)
    }
  })
})

const failing = (action: string, policy = 'no') => ({
  Cmd: ['sh', '-c', 'trap "exit 0" TERM; touch /tmp/$(date +%s.%N); while true; do sleep .05; done'],
  Labels: { 'gantry.health-on-failure': action },
  Healthcheck: { Test: ['CMD', 'false'], Interval: 100 * millisecond, Retries: 2 },
  HostConfig: { RestartPolicy: { Name: policy } },
})

test('what becomes of unhealthy containers', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  const run = async (name: string, action: string, policy?: string) => {
    await create(engine, name, failing(action, policy))
    await start(engine, name)
  }
  const ended = (name: string) => until(async () => !(await inspect(engine, name)).State.Running)

  await suite.test('none: nothing', async () => {
    await run('none', 'none')
    await until(async () => (await healthOf(engine, 'none')).Status === 'unhealthy')
    assert.equal((await inspect(engine, 'none')).State.Running, true)
    await remove(engine, 'none')
  })

  await suite.test('stop: it gets its stop signal and stays down, whatever its restart policy', async () => {
    await run('stops', 'stop', 'always')
    await ended('stops')
    const { State, RestartCount } = await inspect(engine, 'stops')
    assert.deepEqual([State.Status, State.ExitCode, RestartCount], ['exited', 0, 0])
    await remove(engine, 'stops')
  })

  await suite.test('kill: it ends at once, and stays down without a restart policy', async () => {
    await run('killed', 'kill')
    await ended('killed')
    assert.equal((await inspect(engine, 'killed')).State.ExitCode, 137)
    await remove(engine, 'killed')
  })

  await suite.test('kill: a restart policy starts it again', async () => {
    await run('policy', 'kill', 'on-failure')
    await until(async () => (await inspect(engine, 'policy')).RestartCount >= 2)
    await remove(engine, 'policy')
  })

  await suite.test('restart: it is started again each time', async () => {
    await run('again', 'restart')
    const first = (await inspect(engine, 'again')).State.Pid
    await until(async () => {
      const { Pid } = (await inspect(engine, 'again')).State
      return Pid !== 0 && Pid !== first
    })
    await until(async () => (await engine.docker(['exec', 'again', 'ls', '/tmp'])).stdout.split('\n').length >= 4)
    await remove(engine, 'again')
  })
})
