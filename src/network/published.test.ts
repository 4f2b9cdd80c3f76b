// Published ports, as they are reached from the host, from its network, and from containers.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Networks } from './networks.ts'
import { createPeer, enterOwnHost, lan, Place, port, request, startNetworks } from './testing.ts'
import type { Connection, PortRequest } from './types.ts'

enterOwnHost()

let peer: Place
let host: Place
let networks: Networks

before(async () => {
  peer = await createPeer()
  host = await Place.openHost()
  networks = await startNetworks()
})

after(async () => {
  await networks[Symbol.asyncDispose]()
  await peer[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})

/** A connected container with a server on its port 80. */
async function container(...ports: PortRequest[]) {
  const made = request(ports)
  const connection = await networks.connect(made)
  const place = await Place.open(connection.namespace)
  await place.serve('tcp', 80, made.name)
  await place.serve('udp', 53, made.name)
  return { name: made.name, connection, place, [Symbol.asyncDispose]: () => remove(connection, place) }
}

async function remove(connection: Connection, place: Place) {
  await place[Symbol.asyncDispose]()
  for (const socket of connection.reservations) socket.close()
  if (connection.endpoint) await networks.disconnect(connection.endpoint)
}

describe('a published TCP port', () => {
  test('is reached from loopback, from the host by its own address, and from its network with the source preserved', async () => {
    await using web = await container(port(80, 8080))
    const { gateway } = networks
    assert.equal(await host.fetch('tcp', '127.0.0.1', 8080), `${web.name} ${gateway} 5`)
    assert.match(await host.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
    assert.equal(await peer.fetch('tcp', lan.host4, 8080), `${web.name} ${lan.peer4} 5`)
  })
})
