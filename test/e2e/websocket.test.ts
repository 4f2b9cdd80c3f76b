// GET /containers/{id}/attach/ws: a container's streams in the messages of a WebSocket.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type ClientOptions, WebSocket } from 'ws'

import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { call, create, remove, start } from './api.ts'
import { onDockerd, startEngine } from './engine.ts'

interface Client {
  readonly socket: WebSocket
  /** What came so far, as text. */
  readonly received: () => string
  readonly binary: () => boolean | undefined
  /** Resolves once the engine has closed. */
  readonly closed: Promise<unknown>
}

async function open(engine: Engine, path: string, options: ClientOptions = {}): Promise<Client> {
  const socket = new WebSocket(`ws+unix://${engine.socket}:${path}`, { origin: 'http://localhost', ...options })
  let [text, binary]: [string, boolean | undefined] = ['', undefined]
  socket.on('message', (data, isBinary) => {
    text += String(data)
    binary = isBinary
  })
  const closed = new Promise(resolve => socket.once('close', resolve))
  await once(socket, 'open')
  return { socket, received: () => text, binary: () => binary, closed }
}

const all = 'stream=1&stdin=1&stdout=1&stderr=1'

test('a WebSocket attached to a container', async suite => {
  await using engine = await startEngine()

  await suite.test('carries input and both outputs, without frames', async () => {
    const shell = 'while read -r line; do echo out $line; echo err $line >&2; done'
    await create(engine, 'ws', { Cmd: ['sh', '-c', shell], OpenStdin: true })
    await start(engine, 'ws')
    const client = await open(engine, `/v1.41/containers/ws/attach/ws?${all}`)
    client.socket.send('one\n')
    await until(() => /out one\n/.test(client.received()) && /err one\n/.test(client.received()))
    assert.equal(client.received().length, 'out one\nerr one\n'.length)
    assert.equal(client.binary(), true)
    client.socket.send(Buffer.from('two\n'))
    await until(() => client.received().includes('err two\n'))
    client.socket.close()
    await client.closed
    await remove(engine, 'ws')
  })

  await suite.test('closes when the container ends; one attached before the start misses nothing', async () => {
    await create(engine, 'ws', { Cmd: ['seq', '20000'] })
    const client = await open(engine, `/v1.41/containers/ws/attach/ws?${all}`)
    await start(engine, 'ws')
    await client.closed
    assert.equal(client.received(), Array.from({ length: 20_000 }, (_, number) => `${number + 1}\n`).join(''))
    await remove(engine, 'ws')
  })

  await suite.test('shows what was logged', async () => {
    await create(engine, 'ws', { Cmd: ['sh', '-c', 'echo logged; sleep 300'] })
    await start(engine, 'ws')
    await until(async () => (await engine.docker(['logs', 'ws'])).stdout.includes('logged'))
    const client = await open(engine, '/v1.41/containers/ws/attach/ws?logs=1&stream=1&stdout=1')
    await until(() => client.received() === 'logged\n')
    client.socket.close()
    await remove(engine, 'ws')
  })

  await suite.test('a terminal, and its detach keys', async () => {
    await create(engine, 'ws', { Cmd: ['cat'], OpenStdin: true, Tty: true })
    await start(engine, 'ws')
    const client = await open(engine, `/v1.41/containers/ws/attach/ws?${all}&detachKeys=ctrl-x`)
    client.socket.send('typed\n')
    await until(() => client.received().includes('typed\r\ntyped\r\n'))
    client.socket.send('\u0018')
    await client.closed
    assert.equal(await engine.ok(['inspect', 'ws', '--format', '{{.State.Running}}']), 'true')
    await remove(engine, 'ws')
  })

  await suite.test('from 1.42 on, only the streams that were asked for', { skip: onDockerd }, async () => {
    await create(engine, 'ws', { Cmd: ['sh', '-c', 'echo out; echo err >&2'] })
    const client = await open(engine, '/v1.42/containers/ws/attach/ws?stream=1&stderr=1')
    await start(engine, 'ws')
    await client.closed
    assert.equal(client.received(), 'err\n')
    await remove(engine, 'ws')
  })

  await suite.test('no WebSocket, no container, and a message without measure', async () => {
    await create(engine, 'ws', { Cmd: ['cat'], OpenStdin: true })
    await start(engine, 'ws')
    assert.equal((await call(engine, 'GET', `/containers/ws/attach/ws?${all}`)).status, 400)
    await assert.rejects(open(engine, `/v1.41/containers/nothing/attach/ws?${all}`), /404/)
    if (!onDockerd) {
      const client = await open(engine, `/v1.41/containers/ws/attach/ws?${all}`)
      client.socket.send(Buffer.alloc(2 << 20))
      client.socket.on('error', () => {})
      await client.closed
    }
    assert.equal(await engine.ok(['exec', 'ws', 'echo', 'on']), 'on')
    await remove(engine, 'ws')
  })
})
