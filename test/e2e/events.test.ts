// GET /events as programs read it: over a restart of the daemon, in each form, by clients that don't read.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { test } from 'node:test'

import type { EventMessage } from '../../src/api/types/events.ts'
import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { ask, call, create, remove, start } from './api.ts'
import { startGantrydWithBusybox } from './engine.ts'

/** Follows events; resolves as soon as there are headers. */
async function follow(engine: Engine, query = '', headers: Record<string, string> = {}) {
  const sent = request({ socketPath: engine.socket, agent: false, path: `/v1.41/events?${query}`, headers })
  sent.on('error', () => {}).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  // It is cut off by whoever has seen enough.
  answer.on('error', () => {})
  return { answer, [Symbol.dispose]: () => void sent.destroy() }
}

function linesOf(input: IncomingMessage) {
  return createInterface({ input }).on('error', () => {})
}

async function past(engine: Engine, filters: object): Promise<EventMessage[]> {
  const query = `since=0&until=${Date.now() / 1000 + 0.001}&filters=${encodeURIComponent(JSON.stringify(filters))}`
  const { text } = await call(engine, 'GET', `/events?${query}`)
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as EventMessage)
}

const actions = async (engine: Engine, name: string) =>
  (await past(engine, { container: [name], type: ['container'] })).map(({ Action }) => Action)

const listeners = async (engine: Engine) =>
  (await ask<{ NEventsListener: number }>(engine, 'GET', '/info')).NEventsListener

test('events', async suite => {
  await using engine = await startGantrydWithBusybox()

  await suite.test('headers come before there is an event, and die before destroy', async () => {
    using stream = await follow(engine, `filters=${encodeURIComponent('{"type":{"container":true}}')}`)
    assert.equal(stream.answer.headers['content-type'], 'application/json')
    const lines = linesOf(stream.answer)[Symbol.asyncIterator]()
    await create(engine, 'first', { Cmd: ['true'], HostConfig: { AutoRemove: true } })
    await start(engine, 'first')
    for (const expected of ['create', 'start', 'die', 'destroy']) {
      const { Action, status, id, Actor } = JSON.parse((await lines.next()).value ?? '')
      assert.deepEqual([Action, status, id], [expected, expected, Actor.ID])
    }
  })

  await suite.test('they outlast the daemon, each once and in order', async () => {
    await create(engine, 'second', { Cmd: ['sleep', '1000'] })
    await start(engine, 'second')
    const before = await past(engine, {})
    const { ID } = await ask<{ ID: string }>(engine, 'GET', '/info')
    await engine.stop()
    await engine.start()
    // Some programs know an engine by it.
    assert.equal((await ask<{ ID: string }>(engine, 'GET', '/info')).ID, ID)
    await remove(engine, 'second')
    assert.deepEqual(await actions(engine, 'second'), ['create', 'start', 'kill', 'die', 'destroy'])
    const after = await past(engine, {})
    assert.deepEqual(after.slice(0, before.length), before)
    const times = after.map(({ timeNano }) => Number(timeNano))
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
  })

  for (const type of ['application/json', 'application/jsonl', 'application/x-ndjson', 'application/json-seq']) {
    await suite.test(`as ${type}`, async () => {
      const query = `since=0&until=${Date.now() / 1000}`
      using stream = await follow(engine, query, { Accept: `text/html, ${type};q=0.5, */*;q=0.1` })
      assert.equal(stream.answer.headers['content-type'], type)
      let text = ''
      for await (const chunk of stream.answer.setEncoding('utf8')) text += chunk
      const lines = text.split('\n').slice(0, -1)
      assert.ok(lines.length > 5)
      const mark = type.endsWith('seq') ? '\u001E' : ''
      for (const line of lines) {
        assert.ok(line.startsWith(mark))
        JSON.parse(line.slice(mark.length))
      }
    })
  }

  await suite.test('one that does not read is let be, and reads everything later', async () => {
    using slow = await follow(engine, 'filters=%7B%22event%22%3A%5B%22rename%22%5D%7D')
    slow.answer.pause()
    await create(engine, 'n0', {})
    const long = 'n'.repeat(200)
    const rounds = 1500
    for (let count = 0; count < rounds; count++) {
      const [from, to] = count % 2 === 0 ? ['n0', long] : [long, 'n0']
      await ask(engine, 'POST', `/containers/${from}/rename?name=${to}`)
    }
    let seen = 0
    for await (const line of linesOf(slow.answer)) {
      assert.equal((JSON.parse(line) as EventMessage).Action, 'rename')
      if (++seen === rounds) break
    }
    assert.equal(seen, rounds)
    await remove(engine, 'n0')
  })

  await suite.test('whoever goes away is forgotten', async () => {
    await until(async () => (await listeners(engine)) === 0)
    {
      using _one = await follow(engine)
      using _other = await follow(engine, `until=${Date.now() / 1000 + 1000}`)
      assert.equal(await listeners(engine), 2)
    }
    await until(async () => (await listeners(engine)) === 0)
  })
})
