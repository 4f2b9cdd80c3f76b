// The server as clients meet it: statuses, headers, bodies and streams over a unix socket.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Handlers, empty, json, progress, stream, text } from '../../api/handler.ts'
import { conflict, notFound, notModified } from '../../lib/errors.ts'
import { writeChunk } from '../../lib/streams.ts'
import { pingHandlers } from './ping.ts'
import { TestServer, receive } from './testing.ts'

const echo: Partial<Handlers> = {
  ...pingHandlers,
  ContainerCreate: async ({ body, query }) => json({ Id: body.Image, Warnings: [query.name] }, 201),
  ContainerInspect: async ({ params, version }) => json({ Id: params.name, Version: version.text }),
  VolumeCreate: async ({ body }) => json(body),
}

test('a ping tells what clients look for', async () => {
  await using server = await TestServer.start(echo)
  for (const method of ['GET', 'HEAD']) {
    const { status, headers, body } = await server.request(method, '/_ping')
    assert.equal(status, 200)
    assert.equal(body, method === 'GET' ? 'OK' : '')
    assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
    assert.equal(headers['api-version'], '1.56')
    assert.equal(headers['docker-experimental'], 'false')
    assert.equal(headers.ostype, 'linux')
    assert.equal(headers.swarm, 'inactive')
    assert.match(String(headers.server), /^Gantry\/.* \(linux\)$/)
  }
})

test('the socket is for root and its group only', async () => {
  await using server = await TestServer.start({})
  assert.equal(statSync(server.path).mode & 0o777, 0o660)
})

test('a socket that somebody answers on is left alone', async () => {
  await using server = await TestServer.start(echo)
  const { ApiServer } = await import('./server.ts')
  const { silentLog } = await import('../../lib/log.ts')
  await using second = new ApiServer({ handlers: {}, log: silentLog, version: '0' })
  const address = { kind: 'unix', path: server.path, group: '', groupRequired: false } as const
  await assert.rejects(second.listen(address), { kind: 'system', message: /another process is listening there/ })
  assert.equal((await server.request('GET', '/_ping')).body, 'OK')
})

const refusals: [string, string, number, string, string?][] = [
  [
    'GET',
    '/v1.23/_ping',
    400,
    'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n',
  ],
  ['GET', '/v1.99/_ping', 400, 'client version 1.99 is too new. Maximum supported API version is 1.56'],
  ['GET', '/nosuch', 404, 'page not found'],
  ['GET', '/v1.41/nosuch', 404, 'page not found'],
  ['PUT', '/_ping', 404, 'page not found'],
  ['GET', '/containers/%zz/json', 400, 'invalid URL escape "%zz"'],
  ['POST', '/containers/create', 400, 'invalid JSON: got EOF while reading request body'],
  ['POST', '/containers/create', 400, 'invalid JSON: got EOF while reading request body', ''],
  ['POST', '/containers/create', 400, 'config cannot be empty in order to create a container', 'null'],
  ['POST', '/containers/create', 400, 'invalid JSON: unexpected EOF', '{"Image":'],
  ['POST', '/containers/create', 400, 'unexpected content after JSON', '{"Image":"a"} x'],
  [
    'POST',
    '/containers/create',
    400,
    'json: cannot unmarshal number into Go struct field CreateRequest.Image of type string',
    '{"Image":1}',
  ],
]
for (const [method, path, status, message, body] of refusals) {
  test(`${method} ${path} ${body ?? ''} is refused with ${status}: ${message}`, async () => {
    await using server = await TestServer.start(echo)
    const reply = await server.request(method, path, body)
    assert.equal(reply.status, status)
    if (message.endsWith('\n')) assert.equal(reply.body, message)
    else assert.deepEqual(JSON.parse(reply.body), { message })
  })
}

test('a body that is not declared as JSON is refused', async () => {
  await using server = await TestServer.start(echo)
  const reply = await server.request('POST', '/containers/create', '{}', { headers: { 'Content-Type': 'text/plain' } })
  assert.equal(reply.status, 400)
  assert.match(reply.body, /unsupported Content-Type header \(text\/plain\): must be 'application\/json'/)
})

test('a body that is too large is refused', async () => {
  await using server = await TestServer.start(echo)
  const reply = await server.request('POST', '/volumes/create', JSON.stringify({ Name: 'x'.repeat(17 * 2 ** 20) }))
  assert.equal(reply.status, 400)
  assert.match(reply.body, /request body is larger than/)
})

test('a good request reaches its handler, and HTML is not escaped', async () => {
  await using server = await TestServer.start(echo)
  const created = await server.request('POST', '/v1.44/containers/create?name=a%26b', '{"image":"<x>&"}')
  assert.equal(created.status, 201)
  assert.equal(created.body, '{"Id":"<x>&","Warnings":["a&b"]}\n')
  const inspected = await server.request('GET', '/v1.44/containers/a%2Fb/json')
  assert.deepEqual(JSON.parse(inspected.body), { Id: 'a/b', Version: '1.44' })
  assert.deepEqual(JSON.parse((await server.request('POST', '/volumes/create')).body).Name, '')
})

test('errors become their status with a message, and 304 has no body', async () => {
  await using server = await TestServer.start({
    ContainerStart: async ({ params }) => {
      if (params.name === 'running') throw notModified('x')
      if (params.name === 'bug') throw new TypeError('oops')
      throw params.name === 'paused' ? conflict('it is paused') : notFound(`No such container: ${params.name}`)
    },
  })
  const start = (name: string) => server.request('POST', `/containers/${name}/start`)
  assert.deepEqual([(await start('running')).status, (await start('running')).body], [304, ''])
  assert.deepEqual([(await start('x')).status, (await start('x')).body], [404, '{"message":"No such container: x"}\n'])
  assert.equal((await start('paused')).status, 409)
  assert.deepEqual([(await start('bug')).status, (await start('bug')).body], [500, '{"message":"oops"}\n'])
})

test('an unclean path is redirected, and OPTIONS answered', async () => {
  await using server = await TestServer.start(echo)
  const reply = await server.request('GET', '/containers//a/json')
  assert.equal(reply.status, 301)
  assert.equal(reply.headers.location, '/containers/a/json')
  assert.equal((await server.request('OPTIONS', '/anything')).status, 200)
})

test('requests sent at once are answered in order', async () => {
  await using server = await TestServer.start(echo)
  const socket = server.connect()
  socket.write(['a', 'b', 'c'].map(name => `GET /containers/${name}/json HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
  const answer = await receive(socket, '"Id":"c"')
  assert.deepEqual(
    [...answer.matchAll(/"Id":"(.)"/g)].map(match => match[1]),
    ['a', 'b', 'c'],
  )
  socket.destroy()
})

test('a stream sends its headers before its first byte', async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  await using server = await TestServer.start({
    SystemEvents: async () =>
      stream({
        contentType: 'application/json',
        write: async out => {
          await asked
          await writeChunk(out, '{"a":1}\n')
        },
      }),
  })
  const socket = server.connect()
  socket.write('GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  assert.match(await receive(socket, '\r\n\r\n'), /^HTTP\/1.1 200 OK\r\n/)
  ask()
  assert.match(await receive(socket, '0\r\n\r\n'), /\{"a":1\}\n/)
  socket.destroy()
})

test('a stream that fails is cut', async () => {
  await using server = await TestServer.start({
    SystemEvents: async () =>
      stream({
        contentType: 'application/json',
        write: async out => {
          await writeChunk(out, 'begun')
          throw new Error('broken')
        },
      }),
  })
  await assert.rejects(server.request('GET', '/events'), { code: 'ECONNRESET' })
})

test('progress that fails is a status before its first line, and a last line after it', async () => {
  await using server = await TestServer.start({
    ImageLoad: async ({ query }) =>
      progress({
        write: async out => {
          if (!query.quiet) await writeChunk(out, '{"status":"x"}\r\n')
          throw notFound('no such thing')
        },
      }),
  })
  const early = await server.request('POST', '/images/load?quiet=1')
  assert.deepEqual([early.status, early.body], [404, '{"message":"no such thing"}\n'])
  const late = await server.request('POST', '/images/load?quiet=0')
  assert.equal(late.status, 200)
  const lines = late.body
    .trim()
    .split('\r\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(lines, [{ status: 'x' }, { errorDetail: { message: 'no such thing' }, error: 'no such thing' }])
})

test('a streamed body arrives as it is', async () => {
  await using server = await TestServer.start({
    ImageLoad: async ({ input }) => {
      let size = 0
      for await (const chunk of input) size += (chunk as Buffer).length
      return text(String(size))
    },
  })
  assert.equal((await server.request('POST', '/images/load', 'x'.repeat(3_000_000))).body, '3000000')
})

test('a writer waits for a client that does not read, and is told when it goes', async () => {
  const { promise: ended, resolve: end } = Promise.withResolvers<number>()
  await using server = await TestServer.start({
    SystemEvents: async () =>
      stream({
        contentType: 'text/plain',
        write: async (out, signal) => {
          let written = 0
          try {
            for (; written < 10_000; written++) await writeChunk(out, Buffer.alloc(65_536), signal)
          } finally {
            end(written)
          }
        },
      }),
  })
  const socket = server.connect()
  socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'readable')
  socket.destroy()
  assert.ok((await ended) < 200)
})

test('a handler that waits is told when its client goes', async () => {
  const { promise: waiting, resolve: wait } = Promise.withResolvers<void>()
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>()
  await using server = await TestServer.start({
    ContainerWait: async ({ signal }) => {
      signal.addEventListener('abort', () => abort())
      wait()
      await aborted
      return empty()
    },
  })
  const socket = server.connect()
  socket.write('POST /containers/a/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
  await waiting
  socket.destroy()
  await aborted
})

test('whoever ends its side before a request is complete is let go at once', async () => {
  await using server = await TestServer.start(pingHandlers)
  const started = performance.now()
  for (const begin of ['', 'POST /containers/c1/att']) {
    const socket = server.connect()
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.resume().end(begin)
    await closed
  }
  // Those who say nothing are let go as well, after a minute.
  assert.ok(performance.now() - started < 30_000)
})

test('no target, header or body is answered with a 5xx', async () => {
  await using server = await TestServer.start(echo)
  const path = fc.oneof(
    fc.webPath(),
    fc.constantFrom('/containers/create', '/v1.41/volumes/create', '/containers/a/json'),
  )
  const query = fc.oneof(fc.webQueryParameters(), fc.constantFrom('size=%', 'filters={', 'limit=x'))
  const body = fc.option(fc.oneof(fc.json(), fc.string()))
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD')
  await fc.assert(
    fc.asyncProperty(method, path, query, body, async (verb, target, parameters, content) => {
      const reply = await server.request(verb, `${target || '/'}?${parameters}`, content ?? undefined)
      assert.ok(reply.status < 500, `${verb} ${target}?${parameters} ${content}: ${reply.status} ${reply.body}`)
    }),
    { numRuns: 300 },
  )
})
