// GET /containers/{id}/stats as programs ask for it, and `docker stats`.

import assert from 'node:assert/strict'
import { request, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

import type { ContainerStats } from '../../src/api/types/stats.ts'
import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { ask, call, create, messageOf, remove, start } from './api.ts'
import { startEngine } from './engine.ts'

const single = 'stream=false&one-shot=true'

/** Follows a container's statistics; `next` resolves to undefined at their end. */
async function follow(engine: Engine, name: string) {
  const path = `/v1.41/containers/${name}/stats`
  const sent = request({ socketPath: engine.socket, agent: false, path })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const lines = createInterface({ input: answer })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    return done ? undefined : (JSON.parse(value) as ContainerStats)
  }
  return { next, [Symbol.dispose]: () => void sent.destroy() }
}

test('statistics', async suite => {
  await using engine = await startEngine()
  const stats = (name: string, query: string) =>
    ask<ContainerStats>(engine, 'GET', `/containers/${name}/stats?${query}`)

  await create(engine, 'busy', { Cmd: ['sh', '-c', 'while :; do :; done'], HostConfig: { Memory: 64 << 20 } })
  await create(engine, 'idle', { Cmd: ['sleep', '1000'] })
  await Promise.all([start(engine, 'busy'), start(engine, 'idle')])

  await suite.test('a single look comes at once and has nothing before it', async () => {
    const { name, cpu_stats: cpu, precpu_stats: before, ...rest } = await stats('busy', single)
    assert.equal(name, '/busy')
    assert.equal(rest.preread, '0001-01-01T00:00:00Z')
    assert.equal(before.cpu_usage.total_usage, 0)
    assert.equal(before.online_cpus, undefined)
    assert.ok(Number(cpu.online_cpus) > 0 && Number(cpu.system_cpu_usage) > 0)
    assert.equal(rest.memory_stats.limit, 64 << 20)
    assert.ok(Number(rest.pids_stats.current) >= 1)
    assert.ok(Number(rest.memory_stats.usage) > 0 && 'rx_bytes' in (rest.networks?.['eth0'] ?? {}))
    assert.equal('os_type' in rest, false)
  })

  await suite.test('without a stream there is one look before it, a second earlier', async () => {
    const { read, preread, cpu_stats: cpu, precpu_stats: before } = await stats('busy', 'stream=false')
    const passed = Date.parse(read) - Date.parse(preread)
    assert.ok(passed >= 900, `${passed} ms`)
    assert.ok(cpu.cpu_usage.total_usage > before.cpu_usage.total_usage)
    assert.ok(Number(cpu.system_cpu_usage) > Number(before.system_cpu_usage))
    assert.ok(Number(before.online_cpus) > 0)
  })

  await suite.test('all who follow a container see the same samples, each after the one before', async () => {
    using one = await follow(engine, 'busy')
    using other = await follow(engine, 'busy')
    const first = await one.next()
    const second = await one.next()
    assert.equal(first?.preread, '0001-01-01T00:00:00Z')
    assert.equal(second?.preread, first?.read)
    const reads = new Set([first?.read, second?.read, (await one.next())?.read])
    await other.next()
    assert.ok(reads.has((await other.next())?.read))
  })

  await suite.test('a stream goes on over the end of the container, and ends with its removal', async () => {
    await create(engine, 'brief', { Cmd: ['sleep', '1000'] })
    await start(engine, 'brief')
    using stream = await follow(engine, 'brief')
    assert.ok(Number((await stream.next())?.pids_stats.current) > 0)
    await ask(engine, 'POST', '/containers/brief/kill')
    await until(async () => (await stream.next())?.pids_stats.current === undefined)
    await ask(engine, 'POST', '/containers/brief/start')
    await until(async () => Number((await stream.next())?.pids_stats.current) > 0)
    await remove(engine, 'brief')
    await until(async () => (await stream.next()) === undefined)
  })

  await suite.test('a container that does not run has the shape of dockerd, without numbers', async () => {
    const Id = await create(engine, 'new', {})
    for (const query of ['stream=false', single]) {
      assert.deepEqual(await stats('new', query), { ...nothing, name: '/new', id: Id })
    }
    await remove(engine, 'new')
  })

  await suite.test('what the host has to itself is not shown of a container in its network', async () => {
    await create(engine, 'hosted', { Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'host' } })
    await create(engine, 'guest', { Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'container:hosted' } })
    await create(engine, 'sharing', { Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'container:idle' } })
    for (const name of ['hosted', 'guest', 'sharing']) await start(engine, name)
    assert.equal((await stats('hosted', single)).networks, undefined)
    assert.equal((await stats('guest', single)).networks, undefined)
    assert.deepEqual(Object.keys((await stats('sharing', single)).networks ?? {}), ['eth0'])
    for (const name of ['guest', 'hosted', 'sharing']) await remove(engine, name)
  })

  await suite.test('bad requests are refused', async () => {
    assert.equal((await call(engine, 'GET', '/containers/nothing/stats')).status, 404)
    const both = await call(engine, 'GET', '/containers/busy/stats?one-shot=1')
    assert.equal(both.status, 400)
    assert.equal(messageOf(both), 'cannot have stream=true and one-shot=true')
  })

  await suite.test('docker stats', async () => {
    const format = '{{.Name}} {{.PIDs}} {{.MemPerc}}'
    const lines = (await engine.ok(['stats', '--no-stream', '--format', format])).split('\n').toSorted()
    assert.equal(lines.length, 2)
    assert.match(lines[0] ?? '', /^busy 1 \d+\.\d\d%$/)
    const all = await engine.ok(['stats', '--no-stream', '--all', '--no-trunc', 'busy'])
    assert.match(all, /\bbusy +\d+\.\d\d% +[\d.]+\w?iB \/ 64MiB /)
  })
})

const noCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
}
const nothing = {
  read: '0001-01-01T00:00:00Z',
  preread: '0001-01-01T00:00:00Z',
  pids_stats: {},
  blkio_stats: {
    io_service_bytes_recursive: null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  },
  num_procs: 0,
  storage_stats: {},
  cpu_stats: noCpu,
  precpu_stats: noCpu,
  memory_stats: {},
}
