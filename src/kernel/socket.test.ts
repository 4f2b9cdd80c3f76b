// Reserving host ports against other programs' sockets.

import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'node:test'
import { reservePort } from './socket.ts'

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('a reserved TCP port is taken for every other program, one that sets SO_REUSEADDR too', async () => {
  const port = await freePort()
  using held = new DisposableStack()
  held.use(reservePort({ protocol: 'tcp', address: '0.0.0.0', port }))
  const [error] = await once(createServer().listen(port, '127.0.0.1'), 'error')
  assert.equal(error.code, 'EADDRINUSE')
})

test('a port that a program listens on is refused', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  assert.throws(() => reservePort({ protocol: 'tcp', address: '0.0.0.0', port }), {
    code: 'EADDRINUSE',
    message: `bind tcp 0.0.0.0:${port}: address already in use`,
  })
  server.close()
})

test('connections of the port that are still in TIME_WAIT are no obstacle', async () => {
  const server = createServer(socket => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect(port, '127.0.0.1').resume()
  await once(client, 'close')
  server.close()
  await once(server, 'close')
  reservePort({ protocol: 'tcp', address: '0.0.0.0', port }).close()
})

test('a reserved UDP port is taken', async () => {
  const port = await freePort()
  using held = new DisposableStack()
  held.use(reservePort({ protocol: 'udp', address: '0.0.0.0', port }))
  const other = createSocket({ type: 'udp4', reuseAddr: true })
  other.bind(port, '127.0.0.1')
  const [error] = await once(other, 'error')
  assert.equal(error.code, 'EADDRINUSE')
  other.close()
})

test('IPv4 and IPv6 of one port are apart', async () => {
  const port = await freePort()
  using held = new DisposableStack()
  for (const address of ['0.0.0.0', '::']) held.use(reservePort({ protocol: 'tcp', address, port }))
  assert.throws(() => reservePort({ protocol: 'tcp', address: '::1', port }), { code: 'EADDRINUSE' })
})

test('an address that the host does not have is refused', () => {
  const reservation = { protocol: 'tcp', address: '203.0.113.9', port: 8080 } as const
  assert.throws(() => reservePort(reservation), { code: 'EADDRNOTAVAIL' })
})

test('a number that is no port is refused', () => {
  assert.throws(() => reservePort({ protocol: 'tcp', address: '0.0.0.0', port: 65536 }), { code: 'EINVAL' })
})
