// Images made of containers: the container runs on whatever happens, and the image is there wholly or not at all.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'

import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { ask, call, inspect, messageOf, remove, start } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

interface ImageInspect {
  readonly Id: string
  readonly Parent: string
  readonly RootFS: { readonly Layers: readonly string[] }
}

const imageOf = (engine: Engine, name: string) => ask<ImageInspect>(engine, 'GET', `/images/${name}/json`)
const running = (engine: Engine, name: string) => engine.ok(['run', '-d', '--name', name, 'busybox', 'sleep', '1000'])

/** Begins a commit that takes a while, and waits until the container is frozen for it. */
async function beginLong(engine: Engine, name: string): Promise<{ leave(): void }> {
  await engine.ok(['exec', name, 'truncate', '-s', '250M', '/large'])
  const path = `/commit?container=${name}&repo=long`
  const sent = request({ socketPath: engine.socket, agent: false, method: 'POST', path })
  sent.on('error', () => {}).end()
  await until(async () => (await inspect(engine, name)).State.Status === 'paused', { every: 2 })
  return { leave: () => void sent.destroy() }
}

/** What is in the store, without what is on its way out. */
const stored = (engine: Engine): string[] =>
  ['blobs/sha256', 'layers', 'tmp']
    .flatMap(name => readdirSync(join(engine.dataRoot, name)))
    .filter(name => !name.startsWith('tmp-'))
    .toSorted()

test('images of containers', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()

  await suite.test('the same files give the same layer, whose diffID is that of its archive', async () => {
    const make =
      'mkdir /d; for f in c a b; do echo $f > /d/$f; touch -d "2001-01-01 00:00:00" /d/$f; done; rm /etc/group'
    for (const name of ['one', 'two']) {
      await running(engine, name)
      await engine.ok(['exec', name, 'sh', '-c', `${make}; touch -d "2001-01-01 00:00:00" /d /etc`])
      await engine.ok(['commit', name, `same:${name}`])
    }
    const [one, two] = await Promise.all(['same:one', 'same:two'].map(name => imageOf(engine, name)))
    assert.equal(one?.RootFS.Layers.length, 2)
    // What was deleted carries the time of its deletion.
    const list = 'tar -xOf x.tar manifest.json | sed "s/.*blobs.sha256.\\([0-9a-f]*\\)\\".*/\\1/"'
    const script = `docker save same:one -o x.tar; id=$(${list}); tar -xOf x.tar blobs/sha256/$id | sha256sum; rm x.tar`
    const { stdout } = await engine.run(['sh', '-c', script], { cwd: engine.scratch })
    assert.equal(`sha256:${stdout.split(' ')[0]}`, one.RootFS.Layers.at(-1))
    assert.equal(two?.Parent, one.Parent)
    await engine.ok(['rm', '-f', 'one', 'two'])
    await engine.ok(['rmi', 'same:one', 'same:two'])
  })

  await suite.test('a client that leaves halfway leaves the container running and no image', async () => {
    await running(engine, 'left')
    const before = stored(engine)
    const { leave } = await beginLong(engine, 'left')
    leave()
    await until(async () => (await inspect(engine, 'left')).State.Status === 'running')
    assert.equal(await engine.ok(['exec', 'left', 'echo', 'alive']), 'alive')
    await until(() => stored(engine).length === before.length)
    assert.deepEqual(stored(engine), before)
    assert.equal((await call(engine, 'GET', '/images/long/json')).status, 404)
    await engine.ok(['rm', '-f', 'left'])
  })

  await suite.test('one that is removed meanwhile is a conflict', async () => {
    await running(engine, 'removed')
    await engine.ok(['exec', 'removed', 'truncate', '-s', '250M', '/large'])
    const answer = call(engine, 'POST', '/commit?container=removed&repo=long')
    await until(async () => (await inspect(engine, 'removed')).State.Status === 'paused', { every: 2 })
    await remove(engine, 'removed')
    const { status, ...rest } = await answer
    assert.equal(status, 409)
    assert.match(messageOf({ status, ...rest }), /You cannot commit container .* which is being removed/)
    assert.equal((await call(engine, 'GET', '/images/long/json')).status, 404)
  })

  await suite.test('one that is started anew and paused meanwhile stays paused', async () => {
    await running(engine, 'anew')
    await engine.ok(['exec', 'anew', 'truncate', '-s', '250M', '/large'])
    const answer = call(engine, 'POST', '/commit?container=anew&repo=anew')
    await until(async () => (await inspect(engine, 'anew')).State.Status === 'paused', { every: 2 })
    await call(engine, 'POST', '/containers/anew/restart?t=0')
    assert.equal((await call(engine, 'POST', '/containers/anew/pause')).status, 204)
    assert.equal((await answer).status, 201)
    assert.equal((await inspect(engine, 'anew')).State.Status, 'paused')
    await engine.ok(['rm', '-f', 'anew'])
    await engine.ok(['rmi', 'anew'])
  })

  await suite.test('a configuration that no image can have is refused', async () => {
    await running(engine, 'plain')
    const commit = (config: unknown) => call(engine, 'POST', '/commit?container=plain&repo=bad', config)
    const huge = await commit({ Labels: { a: 'x'.repeat(9_000_000) } })
    assert.equal(huge.status, 400)
    assert.match(messageOf(huge), /image config of \d+ bytes is too large/)
    for (const config of [{ Cmd: 5 }, { Env: { a: 1 } }, { ExposedPorts: [] }, [], 'x', 1]) {
      const answer = await commit(config)
      assert.equal(answer.status, 400, `${JSON.stringify(config)}: ${answer.text}`)
    }
    assert.equal((await call(engine, 'GET', '/images/json')).status, 200)
    assert.equal((await call(engine, 'GET', '/images/bad/json')).status, 404)
    assert.equal((await inspect(engine, 'plain')).State.Status, 'running')
    await engine.ok(['rm', '-f', 'plain'])
  })

  await suite.test('two at once freeze and thaw a container once', async () => {
    await running(engine, 'twice')
    await engine.ok(['exec', 'twice', 'truncate', '-s', '20M', '/large'])
    await Promise.all(['a', 'b'].map(tag => engine.ok(['commit', 'twice', `twice:${tag}`])))
    assert.equal(await engine.ok(['exec', 'twice', 'echo', 'alive']), 'alive')
    await engine.ok(['rm', '-f', 'twice'])
    await engine.ok(['rmi', 'twice:a', 'twice:b'])
  })

  await suite.test('an image whose base is removed meanwhile is whole', async () => {
    await running(engine, 'first')
    await engine.ok(['exec', 'first', 'sh', '-c', 'echo first > /first'])
    await engine.ok(['commit', 'first', 'first:1'])
    await engine.ok(['rm', '-f', 'first'])
    await engine.ok(['run', '--name', 'second', 'first:1', 'sh', '-c', 'echo second > /second; truncate -s 60M /large'])
    const answer = call(engine, 'POST', '/commit?container=second&repo=second')
    await until(() => readdirSync(join(engine.dataRoot, 'tmp')).length > 0, { every: 1 })
    assert.equal((await call(engine, 'DELETE', '/images/first:1?force=1')).status, 200)
    assert.equal((await answer).status, 201)
    await engine.ok(['rm', 'second'])
    assert.equal(await engine.ok(['run', '--rm', 'second', 'cat', '/first', '/second']), 'first\nsecond')
    const saved = join(engine.scratch, 'second.tar')
    await engine.ok(['save', '-o', saved, 'second'])
    await engine.ok(['rmi', 'second'])
    await engine.ok(['load', '-q', '-i', saved])
    assert.equal(await engine.ok(['run', '--rm', 'second', 'cat', '/first']), 'first')
    await engine.ok(['rmi', 'second'])
  })

  await suite.test('a daemon that is killed meanwhile finds the container and thaws it', async () => {
    await running(engine, 'killed')
    await beginLong(engine, 'killed')
    await engine.kill9()
    await engine.start()
    assert.equal((await inspect(engine, 'killed')).State.Status, 'running')
    assert.equal(await engine.ok(['exec', 'killed', 'echo', 'alive']), 'alive')
    assert.equal((await call(engine, 'GET', '/images/long/json')).status, 404)
    await engine.ok(['rm', '-f', 'killed'])
  })

  await suite.test('sparse files are as long in the image', async () => {
    await running(engine, 'sparse')
    await engine.ok(['exec', 'sparse', 'truncate', '-s', '64M', '/large'])
    await engine.ok(['commit', '--pause=false', 'sparse', 'sparse:1'])
    assert.equal(await engine.ok(['run', '--rm', 'sparse:1', 'stat', '-c', '%s', '/large']), `${64 * 2 ** 20}`)
    await engine.ok(['rm', '-f', 'sparse'])
    await engine.ok(['rmi', 'sparse:1'])
  })

  await suite.test('an image that is removed while a container is made of it is there, or is not', async () => {
    await running(engine, 'seed')
    // It takes a while to fill a volume with these.
    const fill = 'cd /var/www; for d in 1 2 3 4 5 6 7 8 9; do mkdir $d; (cd $d; seq 50 | xargs touch); done'
    await engine.ok(['exec', 'seed', 'sh', '-c', fill])
    const winners = new Set<string>()
    for (let round = 0; round < 2; round++) {
      await engine.ok(['commit', 'seed', 'base:1'])
      const user = { Image: 'base:1', Cmd: ['true'], Volumes: { '/var/www': {} } }
      const creation = call(engine, 'POST', '/containers/create?name=user', user)
      if (round % 2 === 0) await until(() => readdirSync(join(engine.dataRoot, 'volumes')).length > 0, { every: 1 })
      const removal = await call(engine, 'DELETE', '/images/base:1')
      const created = await creation
      winners.add(`${created.status} ${removal.status}`)
      if (created.status === 201) {
        await start(engine, 'user')
        await remove(engine, 'user')
        await engine.ok(['rmi', 'base:1'])
      } else assert.match(messageOf(created), /No such image: base:1/)
      assert.deepEqual(readdirSync(join(engine.dataRoot, 'volumes')), [])
    }
    // One of the two is too late.
    for (const outcome of winners) assert.ok(['201 409', '404 200'].includes(outcome), outcome)
    assert.ok(winners.has('404 200'), [...winners].join(', '))
    await engine.ok(['rm', '-f', 'seed'])
  })
})
