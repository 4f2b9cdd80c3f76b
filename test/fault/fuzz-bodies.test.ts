// Bodies made up from the API's own schemas, right, wrong and hostile: the engine answers each, and never by a 5xx.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Arbitrary,
  assert as holds,
  asyncProperty,
  constantFrom,
  dictionary,
  oneof,
  record,
  tuple,
} from 'fast-check'

import { ContainerCreateRequest, ContainerUpdateRequest, HostConfig } from '../../src/api/types/container.ts'
import { ExecCreateRequest, ExecStartRequest } from '../../src/api/types/exec.ts'
import { VolumeCreateRequest } from '../../src/api/types/volume.ts'
import { type Answer, ask, call, create, inspect, start } from '../e2e/api.ts'
import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { type Node, bodyOf, structOf, text } from './made-up.ts'

// Most of what can be wrong is in the HostConfig.
const createBody = oneof(bodyOf(ContainerCreateRequest), record({ HostConfig: bodyOf(HostConfig) }))

// A cgroup outside of the engine's own would stay.
const { CgroupParent: _, ...ownProperties } = (HostConfig as unknown as Required<Node>).properties
const startable = structOf(ownProperties, 30)

const queryKey = constantFrom(...'name signal condition h w path size since until tail ps_args stdout'.split(' '))
const queried = [
  ['POST', 'rename'],
  ['POST', 'kill'],
  ['POST', 'resize'],
  ['POST', 'stop'],
  ['POST', 'wait'],
  ['GET', 'json'],
  ['GET', 'logs'],
  ['GET', 'archive'],
  ['GET', 'top'],
  ['GET', 'changes'],
] as const

const once: readonly (readonly [string, string, unknown?])[] = [
  ['GET', 'runs/top?ps_args=nothing'],
  ['GET', 'runs/top?ps_args=a%00b'],
  ['POST', 'runs/stop?signal=-1'],
]

function assertAnswered({ status, text: answer }: Answer) {
  assert.ok(status < 500, `${status} ${answer}`)
  if (status >= 400) assert.match(answer, /^\{"message":".+"\}\n?$/s)
}

async function fuzz<T>(body: Arbitrary<T>, numRuns: number, send: (body: T) => Promise<void>) {
  await holds(asyncProperty(body, send), { numRuns, endOnFailure: false })
}

async function listed(engine: Gantryd) {
  const all = await ask<{ Id: string }[]>(engine, 'GET', '/containers/json?all=1')
  return all.map(({ Id }) => Id)
}

test('made-up bodies', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  await create(engine, 'runs', { Cmd: ['sleep', '600'], HostConfig: { Memory: 64 << 20 } })
  await start(engine, 'runs')

  await suite.test(
    'of create: a refused one leaves nothing, and what was created can be inspected and removed',
    async () => {
      const before = await listed(engine)
      await fuzz(createBody, 250, async body => {
        const image =
          typeof body === 'object' && body !== null && !Array.isArray(body) ? { Image: 'busybox', ...body } : body
        const answer = await call(engine, 'POST', '/containers/create', image)
        assertAnswered(answer)
        if (answer.status !== 201) return assert.deepEqual(await listed(engine), before)
        const { Id: id } = answer.body as { Id: string }
        assert.equal((await call(engine, 'GET', `/containers/${id}/json`)).status, 200)
        assert.equal((await call(engine, 'DELETE', `/containers/${id}?v=1`)).status, 204)
      })
    },
  )

  await suite.test('of update', async () => {
    await fuzz(bodyOf(ContainerUpdateRequest), 300, async body =>
      assertAnswered(await call(engine, 'POST', '/containers/runs/update', body)),
    )
  })

  await suite.test('of exec', async () => {
    await fuzz(tuple(bodyOf(ExecCreateRequest), bodyOf(ExecStartRequest)), 60, async ([request, startRequest]) => {
      const made = await call(engine, 'POST', '/containers/runs/exec', request)
      assertAnswered(made)
      if (made.status !== 201) return
      const { Id: id } = made.body as { Id: string }
      const detached = typeof startRequest === 'object' ? { ...startRequest, Detach: true } : startRequest
      assertAnswered(await call(engine, 'POST', `/exec/${id}/start`, detached))
    })
  })

  await suite.test('of volumes', async () => {
    await fuzz(bodyOf(VolumeCreateRequest), 60, async body =>
      assertAnswered(await call(engine, 'POST', '/volumes/create', body)),
    )
    await engine.ok(['volume', 'prune', '--force', '--all'])
  })

  await suite.test('of create, and started: what does not start leaves nothing', async () => {
    await fuzz(startable, 60, async hostConfig => {
      const body = { Image: 'busybox', Cmd: ['true'], HostConfig: hostConfig }
      const made = await call(engine, 'POST', '/containers/create', body)
      assertAnswered(made)
      if (made.status !== 201) return
      const { Id: id } = made.body as { Id: string }
      const { status, text: answer } = await call(engine, 'POST', `/containers/${id}/start`)
      // What the runtime can't do is 500, as with dockerd.
      assert.ok(
        status < 500 || answer.startsWith('{"message":"unable to start container process: '),
        `${status} ${answer}`,
      )
      const removed = await call(engine, 'DELETE', `/containers/${id}?v=1&force=1`)
      // With AutoRemove it may have gone, or be going, by itself.
      assert.ok([204, 404, 409].includes(removed.status), removed.text)
    })
  })

  await suite.test('that were answered by a 5xx once', async () => {
    for (const [method, path, body] of once)
      assert.equal((await call(engine, method, `/containers/${path}`, body)).status, 400, path)
  })

  await suite.test('with a stop signal that there is not: the container is killed', async () => {
    const id = await create(engine, 'deaf', { Cmd: ['sleep', '600'], StopSignal: '66', StopTimeout: 0 })
    await start(engine, id)
    assert.equal((await call(engine, 'POST', `/containers/${id}/stop`)).status, 204)
    assert.equal((await inspect(engine, id)).State.ExitCode, 137)
  })

  await suite.test('in queries', async () => {
    const id = await create(engine, 'queried', { Cmd: ['sleep', '600'], StopTimeout: 0 })
    await fuzz(tuple(constantFrom(...queried), dictionary(queryKey, text)), 300, async ([[method, verb], query]) => {
      // Some verbs end it, and to wait for its end is the next thing to do.
      if (verb === 'wait') await call(engine, 'POST', `/containers/${id}/kill`)
      else await start(engine, id)
      assertAnswered(await call(engine, method, `/containers/${id}/${verb}?${new URLSearchParams(query)}`))
    })
  })

  await suite.test('the daemon is as well as before', async () => {
    assert.equal(await engine.ok(['exec', 'runs', 'echo', 'well']), 'well')
    assert.equal(await engine.ok(['inspect', 'runs', '--format', '{{.State.Running}}']), 'true')
  })
})
