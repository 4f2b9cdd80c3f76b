// Stopping, killing, waiting, removing, renaming, listing and creating, as programs ask for it through the API.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { ask, call, create, inspect, messageOf, remove, start } from './api.ts'
import { onDockerd, startEngine, startGantrydWithBusybox } from './engine.ts'

const lasting = { Cmd: ['sleep', '1000'] }
const deaf = { Cmd: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] }
const gantrydOnly = { skip: onDockerd }

const stateOf = async (engine: Engine, name: string) => (await inspect(engine, name)).State.Status
const exists = async (engine: Engine, name: string) =>
  (await call(engine, 'GET', `/containers/${name}/json`)).status === 200

/** Waits on a connection of its own; resolves to the exit code. */
async function waitFor(engine: Engine, name: string, condition: string): Promise<number> {
  const path = `/containers/${name}/wait?condition=${condition}`
  return (await ask<{ StatusCode: number }>(engine, 'POST', path)).StatusCode
}

async function names(engine: Engine, filters: object, more = ''): Promise<string[]> {
  const query = `filters=${encodeURIComponent(JSON.stringify(filters))}${more}`
  const found = await ask<{ Names: string[] }[]>(engine, 'GET', `/containers/json?${query}`)
  return found.map(({ Names }) => (Names[0] ?? '').slice(1))
}

test('the life of containers', async suite => {
  await using engine = await startEngine()

  const runs = async (name: string, body: object, use: () => Promise<void>) => {
    await create(engine, name, body)
    try {
      await start(engine, name)
      await use()
    } finally {
      if (await exists(engine, name)) await remove(engine, name)
    }
  }

  await suite.test('kill returns when the container is down, so that it can be removed', () =>
    runs('killed', lasting, async () => {
      await ask(engine, 'POST', '/containers/killed/kill')
      assert.equal(await stateOf(engine, 'killed'), 'exited')
      await ask(engine, 'DELETE', '/containers/killed')
    }),
  )

  await suite.test('signals go by name and number; unknown ones are refused', () =>
    runs('signalled', { Cmd: ['sh', '-c', 'trap "exit 42" USR1; while :; do sleep 0.1; done'] }, async () => {
      assert.equal((await call(engine, 'POST', '/containers/signalled/kill?signal=NOPE')).status, 400)
      // The shell may not have come to its trap yet.
      await engine.ok([
        'exec',
        'signalled',
        'sh',
        '-c',
        'until grep -q "SigCgt:.*[2-9a-f]..$" /proc/1/status; do :; done',
      ])
      const waiting = waitFor(engine, 'signalled', 'not-running')
      await ask(engine, 'POST', '/containers/signalled/kill?signal=10')
      assert.equal(await waiting, 42)
      const answer = await call(engine, 'POST', '/containers/signalled/kill?signal=USR1')
      assert.equal(answer.status, 409)
      assert.match(messageOf(answer), /is not running$/)
    }),
  )

  await suite.test('a paused container can be killed and stopped', async () => {
    for (const verb of ['kill', 'stop?t=1', 'kill?signal=TERM']) {
      await runs('frozen', { Cmd: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'] }, async () => {
        await ask(engine, 'POST', '/containers/frozen/pause')
        const waiting = waitFor(engine, 'frozen', 'not-running')
        await ask(engine, 'POST', `/containers/frozen/${verb}`)
        await waiting
        assert.equal(await stateOf(engine, 'frozen'), 'exited')
      })
    }
  })

  await suite.test('stop waits as long as the container’s StopTimeout says', () =>
    runs('deaf', { ...deaf, StopTimeout: 1 }, async () => {
      await ask(engine, 'POST', '/containers/deaf/stop')
      assert.equal((await inspect(engine, 'deaf')).State.ExitCode, 137)
    }),
  )

  await suite.test('stop with -1, or longer than a timer can, never resorts to SIGKILL', async () => {
    for (const seconds of [-1, 3_000_000]) {
      await runs('patient', deaf, async () => {
        const stopping = call(engine, 'POST', `/containers/patient/stop?t=${seconds}`)
        const late = new Promise(resolve => setTimeout(resolve, 1500, 'late'))
        assert.equal(await Promise.race([stopping, late]), 'late')
        await ask(engine, 'POST', '/containers/patient/kill')
        assert.equal((await stopping).status, 204)
      })
    }
  })

  await suite.test('restart keeps a container that removes itself, also when asked twice', gantrydOnly, () =>
    runs('kept', { ...lasting, HostConfig: { AutoRemove: true } }, async () => {
      const { Id } = await inspect(engine, 'kept')
      await Promise.all([1, 2].map(() => call(engine, 'POST', '/containers/kept/restart?t=0')))
      assert.equal((await inspect(engine, 'kept')).Id, Id)
      const removed = waitFor(engine, 'kept', 'removed')
      await ask(engine, 'POST', '/containers/kept/stop?t=0')
      assert.equal(await removed, 137)
    }),
  )

  await suite.test('a removal tells all who wait', async () => {
    await create(engine, 'never', lasting)
    const waiting = ['next-exit', 'removed'].map(condition => waitFor(engine, 'never', condition))
    assert.equal(await waitFor(engine, 'never', 'not-running'), 0)
    await ask(engine, 'DELETE', '/containers/never')
    assert.deepEqual(await Promise.all(waiting), [0, 0])
  })

  await suite.test('a failed start of a container that removes itself tells all who wait', async () => {
    await create(engine, 'failing', { Cmd: ['nothing'], HostConfig: { AutoRemove: true } })
    const waiting = ['next-exit', 'removed'].map(condition => waitFor(engine, 'failing', condition))
    // Those who wait must be known before the start.
    await ask(engine, 'GET', '/_ping')
    assert.equal((await call(engine, 'POST', '/containers/failing/start')).status, 400)
    assert.deepEqual(await Promise.all(waiting), [127, 127])
  })

  await suite.test('a removal does not overtake a start', gantrydOnly, async () => {
    for (let round = 0; round < 8; round++) {
      await create(engine, 'racing', lasting)
      const starting = call(engine, 'POST', '/containers/racing/start')
      const removal = await call(engine, 'DELETE', '/containers/racing')
      const started = (await starting).status === 204
      assert.deepEqual([removal.status, await exists(engine, 'racing')], started ? [409, true] : [204, false])
      if (started) await remove(engine, 'racing')
    }
  })

  await suite.test('running and paused containers are removed by force only', () =>
    runs('held', lasting, async () => {
      assert.equal((await call(engine, 'DELETE', '/containers/held')).status, 409)
      await ask(engine, 'POST', '/containers/held/pause')
      assert.equal((await call(engine, 'DELETE', '/containers/held')).status, 409)
      await ask(engine, 'DELETE', '/containers/held?force=1')
      assert.equal(await exists(engine, 'held'), false)
    }),
  )

  await suite.test('names: a leading slash is none, taken and bad ones are refused', async () => {
    await create(engine, 'one', lasting)
    await create(engine, 'two', lasting)
    await ask(engine, 'POST', '/containers/one/rename?name=%2Funo')
    assert.equal((await inspect(engine, 'uno')).Name, '/uno')
    for (const [to, status, message] of [
      ['two', 409, /^Error when allocating new name: Conflict\. The container name "\/two" is already in use/],
      ['uno', 400, /^Renaming a container with the same name/],
      ['a b', 400, /^Error when allocating new name: Invalid container name/],
      ['', 400, /^Neither old nor new names may be empty$/],
    ] as const) {
      const answer = await call(engine, 'POST', `/containers/uno/rename?name=${encodeURIComponent(to)}`)
      assert.equal(answer.status, status)
      assert.match(messageOf(answer), message)
    }
    assert.equal((await call(engine, 'POST', '/containers/create?name=two', { Image: 'busybox' })).status, 409)
    for (const name of ['uno', 'two']) await remove(engine, name)
  })

  await suite.test('list: filters, limit and what they imply', async () => {
    await create(engine, 'la', { Cmd: ['sh', '-c', 'exit 5'], Labels: { kind: '1' } })
    await create(engine, 'lb', { ...lasting, Labels: { kind: '2' }, ExposedPorts: { '80/tcp': {} } })
    await create(engine, 'lc', {})
    for (const name of ['la', 'lb']) await start(engine, name)
    await until(async () => (await stateOf(engine, 'la')) === 'exited')
    const cases: readonly (readonly [object, string, string[]])[] = [
      [{}, '', ['lb']],
      [{}, '&all=1', ['lc', 'lb', 'la']],
      [{}, '&limit=2', ['lc', 'lb']],
      [{ status: ['exited', 'created'] }, '', ['lc', 'la']],
      [{ exited: ['5'] }, '', []],
      [{ exited: ['5'] }, '&all=1', ['la']],
      [{ before: ['lb'] }, '', []],
      [{ before: ['lb'] }, '&all=1', ['la']],
      [{ since: ['la'] }, '', ['lb']],
      [{ label: ['kind'] }, '&all=1', ['lb', 'la']],
      [{ label: ['kind=1'] }, '&all=1', ['la']],
      [{ name: ['^/l[ab]$'] }, '&all=1', ['lb', 'la']],
      [{ name: { la: true } }, '&all=1', ['la']],
      [{ ancestor: ['busybox'] }, '', ['lb']],
      [{ ancestor: ['nothing'] }, '', []],
      [{ network: ['bridge'] }, '', ['lb']],
      [{ expose: ['80'] }, '', ['lb']],
      [{ publish: ['80'] }, '', []],
    ]
    for (const [filters, more, expected] of cases) {
      assert.deepEqual(await names(engine, filters, more), expected, `${JSON.stringify(filters)}${more}`)
    }
    // An old dockerd answers 500 to the last two.
    const bad = [{ status: ['odd'] }, { odd: ['1'] }, ...(onDockerd ? [] : [{ exited: ['x'] }, { publish: ['x'] }])]
    for (const filters of bad) {
      const answer = await call(engine, 'GET', `/containers/json?filters=${JSON.stringify(filters)}`)
      assert.equal(answer.status, 400, answer.text)
    }
    await ask(engine, 'POST', '/containers/prune')
    assert.deepEqual(await names(engine, {}, '&all=1'), ['lb'])
    await remove(engine, 'lb')
  })

  await suite.test('what create refuses leaves nothing', async () => {
    const image = { Image: 'busybox' }
    const ports = { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } }
    const refused: readonly (readonly [object, number, RegExp])[] = [
      [{}, 400, /onfig cannot be empty/],
      [{ HostConfig: {} }, 400, /onfig cannot be empty/],
      [{ ...image, WorkingDir: 'x' }, 400, /needs to be an absolute path/],
      [{ ...image, Env: ['=x'] }, 400, /invalid environment variable/],
      [{ ...image, StopSignal: 'NOPE' }, 400, /Invalid signal: NOPE/],
      [{ ...image, Healthcheck: { Interval: 5 } }, 400, /^Interval in Healthcheck cannot be less than 1ms$/],
      [{ ...image, Healthcheck: { Retries: -1 } }, 400, /^Retries in Healthcheck cannot be negative$/],
      [{ ...image, HostConfig: { ExtraHosts: ['x'] } }, 400, /^bad format for add-host: "x"$/],
      [{ ...image, HostConfig: { NetworkMode: 'container:' } }, 400, /invalid container format container:<name\|id>$/],
      [
        { ...image, HostConfig: { NetworkMode: 'container:x', ...ports } },
        400,
        /^conflicting options: port publishing/,
      ],
      [{ ...image, HostConfig: { PortBindings: { 'x/tcp': [{}] } } }, 400, /^invalid port specification: "x/],
      [{ ...image, HostConfig: { RestartPolicy: { Name: 'odd' } } }, 400, /^invalid restart policy/],
      [{ ...image, HostConfig: { RestartPolicy: { Name: 'always' }, AutoRemove: true } }, 400, /'AutoRemove'/],
      [{ ...image, HostConfig: { VolumesFrom: ['nothing'] } }, 400, /^No such container: nothing$/],
      [{ Image: 'nothing' }, 404, /^No such image: nothing/],
    ]
    for (const [body, status, message] of refused) {
      const answer = await call(engine, 'POST', '/containers/create?name=refused', body)
      assert.equal(answer.status, status, answer.text)
      assert.match(messageOf(answer), message)
    }
    assert.deepEqual(await names(engine, {}, '&all=1'), [])
  })

  await suite.test('an unknown network shows at the start', async () => {
    await create(engine, 'lost', { ...lasting, HostConfig: { NetworkMode: 'nothing' } })
    const answer = await call(engine, 'POST', '/containers/lost/start')
    assert.deepEqual([answer.status, messageOf(answer)], [404, 'network nothing not found'])
    await remove(engine, 'lost')
  })

  await suite.test('what inspect shows can be created again', async () => {
    const HostConfig = {
      PortBindings: { '80/tcp': [{ HostPort: '' }] },
      Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      Tmpfs: { '/t': 'size=1m' },
    }
    await runs('first', { ...lasting, Volumes: { '/v': {} }, HostConfig }, async () => {
      const first = await inspect(engine, 'first')
      const copy = {
        ...first.Config,
        HostConfig: first.HostConfig,
        NetworkingConfig: { EndpointsConfig: first.NetworkSettings.Networks },
      }
      const path = `/containers/create?name=${encodeURIComponent(`${first.Name}-again`)}`
      const { Id } = await ask<{ Id: string }>(engine, 'POST', path, copy)
      await start(engine, Id)
      const again = await inspect(engine, 'first-again')
      assert.deepEqual({ ...again.HostConfig }, first.HostConfig)
      assert.deepEqual(again.Config, first.Config)
      await remove(engine, Id)
    })
  })

  await suite.test(
    'anonymous volumes go with the last container that uses them, if asked; named ones stay',
    async () => {
      const hasVolume = async (name: string) => (await call(engine, 'GET', `/volumes/${name}`)).status === 200
      await create(engine, 'owner', { Volumes: { '/v': {} }, HostConfig: { Binds: ['named:/n'] } })
      await create(engine, 'user', { HostConfig: { VolumesFrom: ['owner'] } })
      const volumes = (await inspect(engine, 'owner')).Mounts.map(({ Name }) => Name)
      const anonymous = volumes.find(name => name !== 'named') ?? ''
      await remove(engine, 'owner')
      assert.equal(await hasVolume(anonymous), true)
      await remove(engine, 'user')
      assert.deepEqual([await hasVolume(anonymous), await hasVolume('named')], [false, true])
      await create(engine, 'careless', { Volumes: { '/v': {} } })
      const kept = (await inspect(engine, 'careless')).Mounts[0]?.Name ?? ''
      await ask(engine, 'DELETE', '/containers/careless')
      assert.equal(await hasVolume(kept), true)
      for (const name of [kept, 'named']) await ask(engine, 'DELETE', `/volumes/${name}`)
    },
  )
})

test('logs -f ends at the moment that until names, with or without a line', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  await create(engine, 'quiet', { Cmd: ['sh', '-c', 'echo once; sleep 1000'] })
  await start(engine, 'quiet')
  const until1s = Math.floor(Date.now() / 1000) + 2
  const { stdout } = await engine.docker(['logs', '-f', '--until', String(until1s), 'quiet'], { timeout: 15_000 })
  assert.equal(stdout, 'once\n')
})
