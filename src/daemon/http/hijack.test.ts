// Connections that leave HTTP: the exact bytes, half-close in both directions, and clients that go away.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { type Handlers, empty, hijack, rawStream } from '../../api/handler.ts'
import { notFound } from '../../lib/errors.ts'
import { TestServer, receive } from './testing.ts'

/** Returns what it reads, and says so when the input has ended. */
async function echo(socket: Duplex) {
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) socket.write(chunk)
  socket.write('<end of input>')
}

const echoing: Partial<Handlers> = {
  ContainerAttach: async ({ params }) => {
    if (params.name === 'missing') throw notFound('No such container: missing')
    return hijack({ contentType: rawStream, run: echo })
  },
  ExecStart: async ({ body }) =>
    body.Detach
      ? empty(200)
      : hijack({
          contentType: rawStream,
          run: async socket => {
            socket.write(`tty=${body.Tty};`)
            await echo(socket)
          },
        }),
  SystemPing: async () => empty(200),
}

const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n'
const attach = (headers: string, name = 'a') =>
  `POST /v1.44/containers/${name}/attach HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
const execStart = (headers: string, body: string) =>
  `POST /exec/b/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`

async function converse(server: TestServer, request: string, input: string): Promise<string> {
  const socket = server.connect()
  socket.write(request)
  socket.end(input)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

const binary = Buffer.from([...Array(256).keys()]).toString('latin1')

test('a client that asks to upgrade gets 101, and its bytes', async () => {
  await using server = await TestServer.start(echoing)
  const answer = await converse(server, attach(upgrade), 'hello')
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  assert.match(head, /^HTTP\/1\.1 101 UPGRADED\r\n/)
  assert.match(head, /\r\nContent-Type: application\/vnd\.docker\.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp$/)
  assert.equal(rest.join('\r\n\r\n'), 'hello<end of input>')
})

test('a client that does not ask gets 200, and its bytes', async () => {
  await using server = await TestServer.start(echoing)
  const answer = await converse(server, attach(''), 'GET / HTTP/1.1\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  assert.doesNotMatch(answer, /content-length|transfer-encoding/i)
  assert.ok(answer.endsWith('\r\n\r\nGET / HTTP/1.1\r\n\r\n<end of input>'), answer)
})

test('a client that does not ask, on a connection used before, gets 200 and output', async () => {
  await using server = await TestServer.start(echoing)
  const socket = server.connect()
  socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n')
  await receive(socket, '\r\n\r\n')
  socket.write(execStart('', '{"Tty":true}'))
  const answer = await receive(socket, '<end of input>')
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  assert.ok(answer.endsWith('\r\n\r\ntty=true;<end of input>'), answer)
  socket.destroy()
})

for (const headers of [upgrade, '']) {
  const asking = headers === '' ? 'not asking' : 'asking'
  test(`a JSON body is read apart from the bytes after it, ${asking} to upgrade`, async () => {
    await using server = await TestServer.start(echoing)
    const answer = await converse(server, execStart(headers, '{"Tty":true}'), 'input')
    assert.ok(answer.endsWith('\r\n\r\ntty=true;input<end of input>'), answer)
  })

  test(`a request that comes byte by byte is read as well, ${asking} to upgrade`, async () => {
    await using server = await TestServer.start(echoing)
    const socket = server.connect()
    for (const byte of execStart(headers, '{"Tty":false}')) {
      socket.write(byte)
      await new Promise(setImmediate)
    }
    socket.end(binary, 'latin1')
    assert.ok((await receive(socket, '<end of input>')).endsWith(`tty=false;${binary}<end of input>`))
    socket.destroy()
  })

  test(`an answer that takes nothing over is ordinary, ${asking} to upgrade`, async () => {
    await using server = await TestServer.start(echoing)
    assert.match(
      await converse(server, execStart(headers, '{"Detach":true}'), ''),
      /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n$/s,
    )
    const missing = await converse(server, attach(headers, 'missing'), '')
    assert.match(missing, /^HTTP\/1\.1 404 Not Found\r\n.*\r\n\r\n\{"message":"No such container: missing"\}\n$/s)
    const wrong = await converse(server, execStart(headers, '{"Tty":1}'), '')
    assert.match(wrong, /^HTTP\/1\.1 400 Bad Request\r\n/)
  })
}

test('asking to upgrade other requests changes nothing', async () => {
  await using server = await TestServer.start(echoing)
  const socket = server.connect()
  socket.write(`GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`)
  assert.match(await receive(socket, '\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n/)
  socket.destroy()
})

test('the engine may end its output first and still read', async () => {
  const { promise: heard, resolve: hear } = Promise.withResolvers<string>()
  await using server = await TestServer.start({
    ContainerAttach: async () =>
      hijack({
        contentType: rawStream,
        run: async socket => {
          socket.end('goodbye')
          const chunks: Buffer[] = []
          for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer)
          hear(Buffer.concat(chunks).toString())
        },
      }),
  })
  const socket = server.connect()
  socket.write(attach(upgrade))
  const ended = once(socket, 'end')
  assert.match(await receive(socket, 'goodbye'), /goodbye$/)
  await ended
  socket.end('last words')
  assert.equal(await heard, 'last words')
})

test('output is complete though the client has sent input that nobody read', async () => {
  const output = 'x'.repeat(1_000_000)
  await using server = await TestServer.start({
    ContainerAttach: async () => hijack({ contentType: rawStream, run: async socket => void socket.write(output) }),
  })
  const socket = server.connect()
  socket.write(attach(upgrade))
  socket.write('y'.repeat(500_000))
  await once(socket, 'readable')
  let size = 0
  socket.on('data', (chunk: Buffer) => {
    size += chunk.length
  })
  await once(socket, 'end')
  assert.ok(size > output.length)
  socket.destroy()
})

const requests = {
  attach: attach(upgrade),
  'exec start': execStart(upgrade, '{}'),
  'bare exec start': execStart('', '{}'),
}
for (const [name, sent] of Object.entries(requests)) {
  for (const when of ['at once', 'after ending its input']) {
    test(`a client of ${name} that goes away ${when} is noticed`, async () => {
      const { promise: running, resolve: run } = Promise.withResolvers<void>()
      const { promise: gone, resolve: leave } = Promise.withResolvers<void>()
      const handler = async () =>
        hijack({
          contentType: rawStream,
          run: async (stream, signal) => {
            signal.addEventListener('abort', () => leave())
            stream.resume().once('end', run)
            if (when === 'at once') run()
            await gone
          },
        })
      await using server = await TestServer.start({ ContainerAttach: handler, ExecStart: handler })
      const socket = server.connect()
      socket.write(sent)
      await receive(socket, '\r\n\r\n')
      if (when !== 'at once') socket.end()
      await running
      socket.destroy()
      await gone
    })
  }
}

const openFiles = () => readdirSync('/proc/self/fd').length

test('thousands of abandoned streams leave no descriptor behind', async () => {
  const open = new Set<AbortSignal>()
  const handler = async () =>
    hijack({
      contentType: rawStream,
      run: async (stream, signal) => {
        open.add(signal)
        stream.resume()
        await once(signal, 'abort')
        open.delete(signal)
      },
    })
  await using server = await TestServer.start({ ContainerAttach: handler, ExecStart: handler })
  const before = openFiles()
  for (let round = 0; round < 10; round++) {
    const sockets: Socket[] = Array.from({ length: 200 }, () => server.connect())
    await Promise.all(
      sockets.map(async (socket, index) => {
        socket.write(Object.values(requests)[index % 3] ?? '')
        await receive(socket, '\r\n\r\n')
        if (index % 2 === 0) socket.end()
        socket.destroy()
      }),
    )
  }
  while (open.size > 0 || openFiles() > before) await new Promise(setImmediate)
})
