// What other engines that serve Docker's API got wrong, and clients stumbled over: one test for each. Those on streams that
// are more than a line long have files of their own: streams, terminal, abandoned, recreate.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'

import type { ContainerStats } from '../../src/api/types/stats.ts'
import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { ask, call, create, inspect, messageOf, remove, start, take, unframed } from './api.ts'
import { onDockerd, startEngine } from './engine.ts'

const lasting = { Cmd: ['sleep', '1000'] }

interface Summary {
  readonly Id: string
  readonly State: string
  readonly Names: readonly string[]
}

/** The answer's head, as soon as it is there. */
async function open(engine: Engine, path: string): Promise<IncomingMessage> {
  const sent = request({ socketPath: engine.socket, agent: false, path: `/v1.41${path}` })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return answer
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer.setEncoding('latin1')) text += chunk
  return text
}

const list = (engine: Engine, query: string) => ask<Summary[]>(engine, 'GET', `/containers/json?${query}`)
const filtered = (value: unknown) => `all=1&filters=${encodeURIComponent(JSON.stringify(value))}`
const wait = (engine: Engine, name: string, condition: string) =>
  ask<{ StatusCode: number }>(engine, 'POST', `/containers/${name}/wait?condition=${condition}`)

const namesBy = async (engine: Engine, filters: unknown) =>
  (await list(engine, filtered(filters))).map(({ Names }) => Names[0])

async function run(engine: Engine, name: string, body: object): Promise<void> {
  await create(engine, name, body)
  const ended = wait(engine, name, 'next-exit')
  await start(engine, name)
  await ended
}

async function exec(engine: Engine, name: string, body: object): Promise<string> {
  return (await ask<{ Id: string }>(engine, 'POST', `/containers/${name}/exec`, body)).Id
}

test('streams', async suite => {
  await using engine = await startEngine()

  await suite.test(
    'logs are framed without a terminal and raw with one, and bytes come as they were written',
    async () => {
      const script = String.raw`printf 'no newline'; printf 'bad\r\n' >&2; printf '\377\000'`
      await run(engine, 'framed', { Cmd: ['sh', '-c', script] })
      const framed = await textOf(await open(engine, '/containers/framed/logs?stdout=1&stderr=1'))
      assert.equal(unframed(framed).stderr, 'bad\r\n')
      assert.ok(framed.includes('no newline'))
      assert.ok(framed.includes('\u00ff\0') || framed.includes('\u00ef\u00bf\u00bd\0'))
      await run(engine, 'raw', { Cmd: ['echo', 'a'], Tty: true })
      assert.equal(await textOf(await open(engine, '/containers/raw/logs?stdout=1')), 'a\r\n')
    },
  )

  await suite.test('the last line of logs that are followed is not cut off', async () => {
    const text = 'x'.repeat(100_000)
    await create(engine, 'long', { Cmd: ['sh', '-c', `echo begin; head -c 100000 /dev/zero | tr '\\0' x`] })
    await start(engine, 'long')
    const followed = await textOf(await open(engine, '/containers/long/logs?stdout=1&follow=1'))
    assert.equal(unframed(followed).stdout, `begin\n${text}`)
  })

  await suite.test('what a short-lived container says is not lost to who attached before its start', async () => {
    for (let round = 0; round < 20; round++) {
      await create(engine, 'short', { Cmd: ['echo', `said ${round}`] })
      const attached = await take(engine, '/containers/short/attach?stream=1&stdout=1')
      await start(engine, 'short')
      assert.equal(unframed(await attached.rest()).stdout, `said ${round}\n`)
      await remove(engine, 'short')
    }
  })
})

test('wait and exec', async suite => {
  await using engine = await startEngine()

  await suite.test('next-exit means the next one, though the container has ended before', async () => {
    await run(engine, 'again', { Cmd: ['sh', '-c', 'exit 3'] })
    assert.equal((await wait(engine, 'again', 'not-running')).StatusCode, 3)
    const next = wait(engine, 'again', 'next-exit')
    let told = false
    const noted = next.then(() => (told = true))
    await list(engine, 'all=1')
    assert.ok(!told)
    await start(engine, 'again')
    assert.equal((await next).StatusCode, 3)
    await noted
  })

  await suite.test('removed is told after the container is gone', async () => {
    await create(engine, 'going', { Cmd: ['true'], HostConfig: { AutoRemove: true } })
    const removed = wait(engine, 'going', 'removed')
    await start(engine, 'going')
    assert.equal((await removed).StatusCode, 0)
    assert.equal((await call(engine, 'GET', '/containers/going/json')).status, 404)
  })

  await suite.test('an exec that cannot be is refused when it is created, before a stream begins', async () => {
    await create(engine, 'host', lasting)
    assert.equal((await call(engine, 'POST', '/containers/host/exec', { Cmd: ['true'] })).status, 409)
    await start(engine, 'host')
    const refused = await call(engine, 'POST', '/containers/host/exec', { Cmd: [] })
    assert.equal(refused.status, 400)
    assert.match(messageOf(refused), /No exec command specified/i)
    assert.equal((await call(engine, 'POST', '/exec/none/start', {})).status, 404)
  })

  await suite.test('an exec without streams goes on by itself', async () => {
    const id = await exec(engine, 'host', { Cmd: ['sh', '-c', 'sleep 0.2; echo done >/made'] })
    assert.equal((await call(engine, 'POST', `/exec/${id}/start`, { Detach: true })).status, 200)
    const state = () => ask<{ Running: boolean; ExitCode: number }>(engine, 'GET', `/exec/${id}/json`)
    await until(async () => !(await state()).Running, { what: () => 'the end of the exec' })
    assert.equal((await state()).ExitCode, 0)
    assert.equal(await engine.ok(['exec', 'host', 'cat', '/made']), 'done')
  })

  await suite.test('a terminal of any size can be asked for', async () => {
    await create(engine, 'terminal', { Tty: true, Cmd: ['sleep', '300'] })
    await start(engine, 'terminal')
    for (const size of ['h=70000&w=4294967295', 'h=0&w=0', 'h=24&w=80']) {
      assert.equal((await call(engine, 'POST', `/containers/terminal/resize?${size}`)).status, 200, size)
    }
    await remove(engine, 'terminal')
  })

  await suite.test('an exec may be resized before its start', { skip: onDockerd }, async () => {
    const id = await exec(engine, 'host', { Cmd: ['true'], Tty: true, AttachStdout: true })
    const { status } = await call(engine, 'POST', `/exec/${id}/resize?h=10&w=20`)
    assert.equal(status, 200)
    assert.equal((await call(engine, 'GET', `/exec/${id}/json`)).status, 200)
  })
})

test('queries', async suite => {
  await using engine = await startEngine()
  for (const name of ['one', 'two', 'three']) await create(engine, name, { ...lasting, Labels: { n: name } })

  await suite.test('filters are lists, or sets as older clients send them', async () => {
    assert.deepEqual(await namesBy(engine, { label: ['n=one'] }), ['/one'])
    assert.deepEqual(await namesBy(engine, { label: { 'n=two': true } }), ['/two'])
    assert.deepEqual(await namesBy(engine, { label: { 'n=two': true, 'n=one': true } }), [])
  })

  await suite.test('a limit of 0 is none', async () => {
    assert.equal((await list(engine, 'all=1&limit=0')).length, 3)
    assert.deepEqual(
      (await list(engine, 'limit=1')).map(({ Names }) => Names[0]),
      ['/three'],
    )
  })

  await suite.test('booleans have all the spellings that clients use', async () => {
    for (const yes of ['1', 'true', 'True', 'yes', 'anything']) {
      assert.equal((await list(engine, `all=${yes}`)).length, 3, yes)
    }
    for (const no of ['0', 'false', 'False', 'no', 'none', ''])
      assert.equal((await list(engine, `all=${no}`)).length, 0, no)
  })

  await suite.test('since and before count as filters only', async () => {
    assert.equal((await list(engine, 'all=1&since=one&before=nothing')).length, 3)
  })

  await suite.test('events until 0 are all that were', async () => {
    const { text } = await call(engine, 'GET', '/events?until=0')
    assert.match(text, /"Action":"create".*\n(?:.*\n)*.*"name":"three"/)
  })
})

test('errors', async suite => {
  await using engine = await startEngine()
  await create(engine, 'there', lasting)

  await suite.test('are one object with a message', async () => {
    const { status, body } = await call(engine, 'GET', '/containers/none/json')
    assert.deepEqual([status, body], [404, { message: 'No such container: none' }])
  })

  await suite.test('come before a stream, not in it', async () => {
    for (const path of ['logs?stdout=1&follow=1', 'stats', 'export', 'archive?path=/', 'top']) {
      const { status, body } = await call(engine, 'GET', `/containers/none/${path}`)
      assert.deepEqual([path, status, body], [path, 404, { message: 'No such container: none' }])
    }
    const attached = await take(engine, '/containers/none/attach?stream=1&stdout=1')
    assert.match(attached.status, / 404 /)
    attached.socket.destroy()
    const missing = await call(engine, 'GET', '/containers/there/archive?path=/nothing')
    assert.equal(missing.status, 404)
  })

  await suite.test('are 404 and 409 where they are the client’s', async () => {
    const status = async (method: string, path: string, body?: object) =>
      (await call(engine, method, path, body)).status
    assert.equal(await status('POST', '/containers/create', { Image: 'no-such-image' }), 404)
    assert.equal(await status('POST', '/containers/create?name=there', { Image: 'busybox' }), 409)
    assert.equal(await status('DELETE', '/images/none'), 404)
    assert.equal(await status('DELETE', '/images/busybox'), 409)
    assert.equal(await status('DELETE', '/volumes/none'), 404)
    assert.equal(await status('POST', '/containers/there/kill'), 409)
    assert.equal(await status('POST', '/containers/there/stop'), 304)
    await start(engine, 'there')
    assert.equal(await status('POST', '/containers/there/start'), 304)
    assert.equal(await status('DELETE', '/containers/there'), 409)
    assert.equal(await status('POST', '/containers/there/unpause'), onDockerd ? 500 : 409)
  })
})

test('create', async suite => {
  await using engine = await startEngine()
  const created = async (name: string, body: object) => {
    await create(engine, name, body)
    return await inspect(engine, name)
  }

  await suite.test('an empty entrypoint clears the image’s, null leaves it', async () => {
    await engine.ok(['commit', '-c', 'ENTRYPOINT ["echo"]', await create(engine, 'base', lasting), 'entry'])
    assert.deepEqual((await created('e1', { Image: 'entry', Entrypoint: null, Cmd: ['x'] })).Config['Entrypoint'], [
      'echo',
    ])
    assert.deepEqual((await created('e2', { Image: 'entry', Entrypoint: [], Cmd: ['x'] })).Config['Entrypoint'], [])
    assert.deepEqual(
      (await created('e3', { Image: 'entry', Entrypoint: [''], Cmd: ['true'] })).Config['Entrypoint'],
      null,
    )
  })

  await suite.test('the stop time-out is not set unless asked, and may be without end', async () => {
    assert.equal((await created('s1', lasting)).Config['StopTimeout'], undefined)
    assert.equal((await created('s2', { ...lasting, StopTimeout: -1 })).Config['StopTimeout'], -1)
    assert.equal((await created('s3', { ...lasting, StopTimeout: 0 })).Config['StopTimeout'], 0)
  })

  await suite.test('the network mode has a value, asked for or not', async () => {
    const mode = (await created('n1', lasting)).HostConfig['NetworkMode']
    assert.ok(mode === 'bridge' || mode === 'default')
    assert.equal(
      (await created('n2', { ...lasting, HostConfig: { NetworkMode: 'none' } })).HostConfig['NetworkMode'],
      'none',
    )
  })

  await suite.test('the source of a bind is made, that of a mount is not', async () => {
    const source = join(engine.directory, 'made')
    await create(engine, 'b1', { ...lasting, HostConfig: { Binds: [`${source}:/m`] } })
    await start(engine, 'b1')
    assert.ok(existsSync(source))
    const Mounts = [{ Type: 'bind', Source: `${source}-not`, Target: '/m' }]
    const { status } = await call(engine, 'POST', '/containers/create', { Image: 'busybox', HostConfig: { Mounts } })
    assert.deepEqual([status, existsSync(`${source}-not`)], [400, false])
  })

  await suite.test('a volume without a name gets one, and one that is there is no conflict', async () => {
    const made = await call(engine, 'POST', '/volumes/create', {})
    assert.deepEqual([made.status, /^[0-9a-f]{64}$/.test((made.body as { Name: string }).Name)], [201, true])
    for (let round = 0; round < 2; round++) {
      assert.equal((await call(engine, 'POST', '/volumes/create', { Name: 'same' })).status, 201)
    }
  })

  await suite.test('a health check’s shell is not put before it twice', async () => {
    const Healthcheck = { Test: ['CMD-SHELL', 'echo healthy'], Interval: 1e9 }
    const { Config } = await created('h1', { ...lasting, Healthcheck })
    assert.deepEqual((Config['Healthcheck'] as { Test: string[] }).Test, Healthcheck.Test)
    await start(engine, 'h1')
    const health = async () =>
      (
        await ask<{ State: { Health: { Status: string; Log: { Output: string }[] } } }>(
          engine,
          'GET',
          '/containers/h1/json',
        )
      ).State.Health
    await until(async () => (await health()).Status === 'healthy', { what: () => 'a healthy container' })
    assert.equal((await health()).Log[0]?.Output, 'healthy\n')
  })
})

test('shapes', async suite => {
  await using engine = await startEngine()

  await suite.test('lists are never null where clients iterate', async () => {
    assert.deepEqual(await ask(engine, 'GET', '/containers/json'), [])
    assert.deepEqual(await ask(engine, 'GET', `/images/json?${filtered({ reference: ['none'] })}`), [])
    assert.deepEqual((await ask<{ Volumes: unknown }>(engine, 'GET', '/volumes')).Volumes, [])
    const { Warnings } = await ask<{ Warnings: unknown }>(engine, 'POST', '/containers/create?name=w1', {
      Image: 'busybox',
    })
    assert.deepEqual(Warnings, [])
    const [summary] = await ask<{ Mounts: unknown; Ports: unknown }[]>(engine, 'GET', '/containers/json?all=1')
    assert.deepEqual([summary?.Mounts, summary?.Ports], [[], []])
    assert.deepEqual((await inspect(engine, 'w1')).Mounts, [])
  })

  await suite.test('image ids have their algorithm, container ids have not', async () => {
    const [image] = await ask<{ Id: string }[]>(engine, 'GET', '/images/json')
    assert.match(image?.Id ?? '', /^sha256:[0-9a-f]{64}$/)
    const { Id, Image } = await ask<{ Id: string; Image: string }>(engine, 'GET', '/containers/w1/json')
    assert.match(Id, /^[0-9a-f]{64}$/)
    assert.equal(Image, image?.Id)
  })

  await suite.test('states are Docker’s words', async () => {
    await create(engine, 'x1', lasting)
    await remove(engine, 'w1')
    const states: string[] = []
    const note = async () => {
      const [one, other] = [(await inspect(engine, 'x1')).State.Status, (await list(engine, 'all=1'))[0]?.State]
      assert.equal(one, other)
      states.push(one)
    }
    await note()
    await start(engine, 'x1')
    await note()
    await ask(engine, 'POST', '/containers/x1/pause')
    await note()
    await ask(engine, 'POST', '/containers/x1/unpause')
    await ask(engine, 'POST', '/containers/x1/kill')
    await note()
    assert.deepEqual(states, ['created', 'running', 'paused', 'exited'])
    await remove(engine, 'x1')
  })

  await suite.test('a port that is exposed and not published is null', async () => {
    await create(engine, 'p1', { ...lasting, ExposedPorts: { '80/tcp': {} } })
    await start(engine, 'p1')
    const { NetworkSettings } = await ask<{ NetworkSettings: { Ports: object } }>(engine, 'GET', '/containers/p1/json')
    assert.deepEqual(NetworkSettings.Ports, { '80/tcp': null })
    await remove(engine, 'p1')
  })

  await suite.test('a container that ends and goes is told of by die and destroy', async () => {
    const events = await open(engine, `/events?filters=${encodeURIComponent('{"type":["container"]}')}`)
    let text = ''
    events.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    const id = await create(engine, 'e1', { Cmd: ['sh', '-c', 'exit 5'], HostConfig: { AutoRemove: true } })
    await start(engine, 'e1')
    await until(() => text.includes('"destroy"'), { what: () => text })
    events.destroy()
    const seen = text
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as { Action: string; Actor: { ID: string; Attributes: Record<string, string> } })
    const own = seen.filter(({ Actor, Action }) => Actor.ID === id && !Action.startsWith('attach'))
    assert.deepEqual(
      own.map(({ Action }) => Action),
      ['create', 'start', 'die', 'destroy'],
    )
    assert.equal(own[2]?.Actor.Attributes['exitCode'], '5')
  })
})

test('statistics', async suite => {
  await using engine = await startEngine()
  const stats = (name: string) =>
    ask<ContainerStats>(engine, 'GET', `/containers/${name}/stats?stream=false&one-shot=true`)

  await suite.test('say how many processors there are', async () => {
    await create(engine, 'up', lasting)
    await start(engine, 'up')
    assert.ok(Number((await stats('up')).cpu_stats.online_cpus) >= 1)
  })

  await suite.test('of a container that does not run come at once, without numbers', async () => {
    await create(engine, 'down', lasting)
    const { cpu_stats: cpu, memory_stats: memory, name } = await stats('down')
    assert.deepEqual([name, cpu.cpu_usage.total_usage, memory.usage], ['/down', 0, undefined])
  })
})

test('names of images and tools', async suite => {
  await using engine = await startEngine()

  await suite.test('a short name is Docker’s, in all its forms', async () => {
    const { Id } = await ask<{ Id: string }>(engine, 'GET', '/images/busybox/json')
    for (const name of [
      'busybox:latest',
      'library/busybox',
      'docker.io/library/busybox',
      'index.docker.io/busybox:latest',
    ]) {
      assert.equal((await ask<{ Id: string }>(engine, 'GET', `/images/${name}/json`)).Id, Id, name)
    }
    const [image] = await ask<{ RepoTags: string[] }[]>(engine, 'GET', '/images/json')
    assert.deepEqual(image?.RepoTags, ['busybox:latest'])
  })

  await suite.test('an archive goes into a directory that an exec has just made', async () => {
    await create(engine, 'act', lasting)
    await start(engine, 'act')
    await engine.ok(['exec', 'act', 'mkdir', '-p', '/var/run/act'])
    const file = join(engine.directory, 'workflow')
    rmSync(file, { force: true })
    await engine.ok(['cp', '-', 'act:/var/run/act'], { stdin: await tarOf(engine) })
    assert.equal(await engine.ok(['exec', 'act', 'cat', '/var/run/act/f']), 'content')
  })

  await suite.test('a container finds its own id in mountinfo', async () => {
    const id = await create(engine, 'jenkins', { Cmd: ['cat', '/proc/self/mountinfo'] })
    const attached = await take(engine, '/containers/jenkins/attach?stream=1&stdout=1')
    await start(engine, 'jenkins')
    const [, found] = /\/containers\/([0-9a-f]{64})\/(?:resolv\.conf|hostname)/.exec(await attached.rest()) ?? []
    assert.equal(found, id)
  })

  await suite.test('the engine’s id is the same each time', async () => {
    const { ID: first } = await ask<{ ID: string }>(engine, 'GET', '/info')
    assert.ok(first.length > 8)
    assert.equal((await ask<{ ID: string }>(engine, 'GET', '/info')).ID, first)
  })

  await suite.test('templates index the ports of a container', async () => {
    await engine.ok(['run', '-d', '--name', 'kind', '-p', '127.0.0.1::6443', 'busybox', 'sleep', '1000'])
    const template =
      '{{with (index (index .NetworkSettings.Ports "6443/tcp") 0)}}{{printf "%s\t%s" .HostIp .HostPort}}{{end}}'
    assert.match(await engine.ok(['inspect', '--format', template, 'kind']), /^127\.0\.0\.1\t\d+$/)
  })

  await suite.test('each event is one line of JSON', async () => {
    const now = Math.floor(Date.now() / 1000)
    const text = await textOf(await open(engine, `/events?since=${now - 60}&until=${now}`))
    for (const line of text.split('\n').filter(each => each !== '')) assert.equal(typeof JSON.parse(line), 'object')
  })
})

async function tarOf(engine: Engine): Promise<Buffer> {
  const file = join(engine.directory, 'act.tar')
  const { code } = await engine.run(['sh', '-c', `cd ${engine.directory} && printf content >f && tar -cf act.tar f`])
  assert.equal(code, 0)
  return readFileSync(file)
}
