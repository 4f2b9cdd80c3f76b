// A daemon that starts again while its containers run.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { silentLog } from '../lib/log.ts'
import { Database } from '../state/database.ts'
import { Networks } from './networks.ts'
import { listenersOf } from './relays.ts'
import {
  Container,
  createPeer,
  enterOwnHost,
  lan,
  openHost,
  type Place,
  port,
  removeBridge,
  request,
  startNetworks,
  withNetworks,
} from './testing.ts'

enterOwnHost()

let peer: Place
let host: Place

before(async () => {
  peer = await createPeer()
  host = await openHost()
})

after(async () => {
  await peer[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})

describe('a daemon that starts again', () => {
  test('leaves its containers reachable, takes over the relays, and gives nothing away twice', async () => {
    using database = Database.open(':memory:')
    const first = await startNetworks({ database })
    const web = await Container.run(first, port(80, 8080), port(53, 5353, { protocol: 'udp' }))
    const { endpoint } = web
    const { ports, reservations } = web.connection
    await first[Symbol.asyncDispose]()
    assert.match(await peer.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))

    const second = new Networks({ database, log: silentLog })
    const listeners = listenersOf(ports, reservations).map(socket => socket.dup())
    const kept = JSON.parse(JSON.stringify({ endpoint, ports }))
    await second.restore({ ...kept, listeners })
    await second.start()
    for (const address of [lan.host4, lan.host6]) {
      assert.match(await peer.fetch('tcp', address, 8080), new RegExp(`^${web.name} `))
      assert.match(await peer.fetch('udp', address, 5353), new RegExp(`^${web.name} `))
    }
    assert.equal(second.inspect('bridge').Containers[endpoint.containerId]?.EndpointID, endpoint.endpointId)
    await assert.rejects(second.connect(request([port(80, 8080)])), /port is already allocated/)
    await assert.rejects(second.connect(request([], { ip: endpoint.ipv4 })), { kind: 'conflict' })

    await second.disconnect(endpoint)
    for (const socket of reservations) socket.close()
    assert.equal(await host.fetch('tcp', '127.0.0.1', 8080), 'ECONNREFUSED')
    assert.equal(await host.fetch('tcp', '::1', 8080), 'ECONNREFUSED')
    await web.place[Symbol.asyncDispose]()
    await second[Symbol.asyncDispose]()
    removeBridge('gantry0')
  })

  test('forgets the ports of containers that ended meanwhile', async () => {
    using database = Database.open(':memory:')
    const first = await startNetworks({ database })
    const { namespace, reservations } = await first.connect(request([port(80, 8080)]))
    await first[Symbol.asyncDispose]()
    namespace.close()
    for (const socket of reservations) socket.close()
    await withNetworks({ database }, async () => {
      assert.equal(await host.fetch('tcp', '127.0.0.1', 8080), 'ECONNREFUSED')
    })
  })

  test('takes back a container after the start as well', async () => {
    using database = Database.open(':memory:')
    const first = await startNetworks({ database })
    const web = await Container.run(first, port(80, 8080))
    await first[Symbol.asyncDispose]()
    await withNetworks({ database }, async second => {
      await second.restore({ endpoint: web.endpoint, ports: web.connection.ports, listeners: [] })
      assert.match(await peer.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
      for (const socket of web.connection.reservations) socket.close()
      await web.place[Symbol.asyncDispose]()
    })
  })
})
