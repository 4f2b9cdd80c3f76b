// The client against servers of the test's own, over real sockets.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import * as fc from 'fast-check'
import { addressFromEnvironment, parseAddress } from './address.ts'
import { Client, encodeQuery } from './client.ts'
import { demultiplex, jsonLines } from './streams.ts'

async function serve(t: TestContext, handler: http.RequestListener): Promise<{ client: Client; server: http.Server }> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-client-'))
  const path = join(directory, 'socket')
  const server = http.createServer(handler)
  await new Promise<void>(resolve => server.listen(path, resolve))
  const client = new Client(`unix://${path}`)
  t.after(() => {
    client[Symbol.dispose]()
    server.close()
    server.closeAllConnections()
    rmSync(directory, { recursive: true })
  })
  return { client, server }
}

test('addresses: GANTRY_HOST goes before DOCKER_HOST', () => {
  assert.equal(addressFromEnvironment({ GANTRY_HOST: 'a', DOCKER_HOST: 'b' }), 'a')
  assert.equal(addressFromEnvironment({ DOCKER_HOST: 'b' }), 'b')
  assert.deepEqual(parseAddress('unix:///x/y'), { kind: 'unix', path: '/x/y', text: 'unix:///x/y' })
  assert.deepEqual(parseAddress('tcp://[::1]:80'), { kind: 'tcp', host: '::1', port: 80, text: 'tcp://[::1]:80' })
  assert.deepEqual(parseAddress('tcp://host'), { kind: 'tcp', host: 'host', port: 2375, text: 'tcp://host' })
  for (const bad of ['', 'x', 'unix://', 'ftp://h', 'tcp://'])
    assert.throws(() => parseAddress(bad), { kind: 'invalid' })
})

test('a query has booleans as digits, lists as repeated keys and objects as JSON', () => {
  assert.equal(
    encodeQuery({ a: true, b: false, c: undefined, d: ['x', 'y'], e: { f: ['g'] } }),
    '?a=1&b=0&d=x&d=y&e=%7B%22f%22%3A%5B%22g%22%5D%7D',
  )
  assert.equal(encodeQuery({ a: undefined }), '')
})

test("a refusal carries the engine's words and kind", async t => {
  const { client } = await serve(t, (_request, response) => {
    response.writeHead(404, { 'Content-Type': 'application/json' })
    response.end('{"message":"No such container: x"}')
  })
  await assert.rejects(client.json('GET', '/containers/x/json'), {
    kind: 'notFound',
    status: 404,
    message: 'No such container: x',
  })
})

test('an engine that is not there is named', async () => {
  using client = new Client('unix:///nonexistent/gantry.sock')
  await assert.rejects(client.json('GET', '/info'), {
    kind: 'unavailable',
    message: 'Cannot connect to the engine at unix:///nonexistent/gantry.sock: is gantryd running?',
  })
})

test('a body is streamed up and the answer streamed down', async t => {
  const { client } = await serve(t, (request, response) => void request.pipe(response))
  const input = Readable.from([Buffer.from('{"stream":"a"}\n{"str'), Buffer.from('eam":"b"}')])
  const lines = await Array.fromAsync(jsonLines(await client.request('POST', '/images/load', { input })))
  assert.deepEqual(lines, [{ stream: 'a' }, { stream: 'b' }])
})

test('an engine that answers before it has read everything is given the rest', async t => {
  const { client } = await serve(t, async (request, response) => {
    response.writeHead(200).flushHeaders()
    response.end(await text(request))
  })
  const input = new PassThrough()
  const answer = client.request('POST', '/images/load', { input })
  input.write('begin')
  const response = await answer
  input.end(' end')
  assert.equal(await text(response), 'begin end')
})

test('a connection taken over ends one way at a time', async t => {
  const { client, server } = await serve(t, () => undefined)
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst;')
    const received: Buffer[] = []
    socket.on('data', chunk => received.push(chunk))
    socket.on('end', () => socket.end(`got ${Buffer.concat(received)}`))
  })
  const connection = await client.hijack('POST', '/containers/x/attach')
  connection.end('input')
  assert.equal(await text(connection), 'first;got input')
})

test('frames come apart the same however the bytes arrive', async () => {
  const frame = fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 20 }))
  await fc.assert(
    fc.asyncProperty(fc.array(frame), fc.integer({ min: 1, max: 13 }), async (frames, size) => {
      const bytes = Buffer.concat(frames.map(([stream, data]) => encodeFrame(stream, data)))
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      const [out, err] = [new PassThrough(), new PassThrough()]
      const outputs = Promise.all([buffer(out), buffer(err)])
      await demultiplex(Readable.from(chunks, { objectMode: true }), out, err)
      out.end()
      err.end()
      const expected = [1, 2].map(stream => Buffer.concat(frames.filter(([s]) => s === stream).map(([, data]) => data)))
      assert.deepEqual(await outputs, expected)
    }),
    { numRuns: 50 },
  )
})

function encodeFrame(stream: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(stream)
  header.writeUInt32BE(data.length, 4)
  return Buffer.concat([header, data])
}

test('what is not a frame is refused', async () => {
  const input = Readable.from([Buffer.from('not a frame at all')])
  await assert.rejects(demultiplex(input, new PassThrough(), new PassThrough()), /Unrecognized input header/)
})
