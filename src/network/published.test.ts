// Published ports, as they are reached from the host, from its network, and from containers.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Nftables } from '../kernel/nftables.ts'
import type { Networks } from './networks.ts'
import {
  Container,
  createPeer,
  enterOwnHost,
  lan,
  type Place,
  openHost,
  port,
  request,
  startNetworks,
} from './testing.ts'

enterOwnHost()

let peer: Place
let host: Place
let networks: Networks

before(async () => {
  peer = await createPeer()
  host = await openHost()
  networks = await startNetworks()
})

after(async () => {
  await networks[Symbol.asyncDispose]()
  await peer[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})

const udp = { protocol: 'udp' } as const

describe('a published TCP port', () => {
  test('is reached from loopback, from the host by its own address, and from its network with the source preserved', async () => {
    await using web = await Container.run(networks, port(80, 8080))
    assert.equal(await host.fetch('tcp', '127.0.0.1', 8080), `${web.name} ${networks.gateway} 5`)
    assert.match(await host.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
    assert.equal(await peer.fetch('tcp', lan.host4, 8080), `${web.name} ${lan.peer4} 5`)
  })

  test('is reached over IPv6 though the container has none', async () => {
    await using web = await Container.run(networks, port(80, 8080))
    for (const [place, address] of [
      [host, '::1'],
      [host, lan.host6],
      [peer, lan.host6],
    ] as const) {
      assert.equal(await place.fetch('tcp', address, 8080), `${web.name} ${networks.gateway} 5`)
    }
  })

  test('is shown with both families, each with a socket that holds it', async () => {
    await using web = await Container.run(networks, port(80, 8080))
    const common = { containerPort: 80, protocol: 'tcp', hostPort: 8080 }
    assert.deepEqual(web.connection.ports, [
      { ...common, hostAddress: '0.0.0.0', reservation: 0, relayed: false },
      { ...common, hostAddress: '::', reservation: 1, relayed: true },
    ])
    assert.equal(web.connection.reservations.length, 2)
  })

  test('is reached by its own container and by another through the address of the host', async () => {
    await using web = await Container.run(networks, port(80, 8080))
    await using other = await Container.run(networks)
    for (const address of [lan.host4, networks.gateway]) {
      assert.match(await web.place.fetch('tcp', address, 8080), new RegExp(`^${web.name} `))
      assert.match(await other.place.fetch('tcp', address, 8080), new RegExp(`^${web.name} `))
    }
  })

  test('on 127.0.0.1 is reached from there only', async () => {
    await using web = await Container.run(networks, port(80, 8080, { hostAddress: '127.0.0.1' }))
    assert.match(await host.fetch('tcp', '127.0.0.1', 8080), new RegExp(`^${web.name} `))
    assert.equal(await host.fetch('tcp', lan.host4, 8080), 'ECONNREFUSED')
    assert.equal(await peer.fetch('tcp', lan.host4, 8080), 'ECONNREFUSED')
  })

  test('on 127.0.0.1 is not reached by a peer that forges the destination', async () => {
    await using web = await Container.run(networks, port(80, 8080, { hostAddress: '127.0.0.1' }))
    assert.match(await host.fetch('tcp', '127.0.0.1', 8080), new RegExp(`^${web.name} `))
    await peer.routeLoopbackOut(lan.host4)
    assert.equal(await peer.fetchBriefly('tcp', '127.0.0.1', 8080), 'TIMEOUT')
  })

  test('on an address of the host is not reached by its others', async () => {
    await using web = await Container.run(networks, port(80, 8080, { hostAddress: lan.host4 }))
    assert.match(await peer.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
    assert.equal(await host.fetch('tcp', '127.0.0.1', 8080), 'ECONNREFUSED')
  })

  test('of twenty leads to the right one', async () => {
    const ports = Array.from({ length: 20 }, (_, index) => port(80 + index, 9000 + index))
    await using web = await Container.run(networks, ...ports)
    await web.place.serve('tcp', 99, 'last')
    assert.match(await peer.fetch('tcp', lan.host4, 9000), new RegExp(`^${web.name} `))
    assert.match(await peer.fetch('tcp', lan.host4, 9019), /^last /)
    assert.equal(await peer.fetch('tcp', lan.host4, 9005), 'ECONNREFUSED')
  })

  test('carries a large request whole', async () => {
    await using web = await Container.run(networks, port(80, 8080))
    const text = 'x'.repeat(3_000_000)
    assert.equal(await peer.fetch('tcp', lan.host4, 8080, text), `${web.name} ${lan.peer4} ${text.length}`)
    assert.equal(await peer.fetch('tcp', lan.host6, 8080, text), `${web.name} ${networks.gateway} ${text.length}`)
  })
})

describe('a published UDP port', () => {
  test('is reached from everywhere, over both families', async () => {
    await using dns = await Container.run(networks, port(53, 5353, udp))
    const expected = new RegExp(`^${dns.name} .* 5$`)
    for (const address of ['127.0.0.1', lan.host4, '::1', lan.host6]) {
      assert.match(await host.fetch('udp', address, 5353), expected, address)
    }
    assert.equal(await peer.fetch('udp', lan.host4, 5353), `${dns.name} ${lan.peer4} 5`)
    assert.match(await peer.fetch('udp', lan.host6, 5353), expected)
  })

  test('is reached by a client that has been sending before it was published', async () => {
    const client = await peer.openUdp(lan.host4, 5353)
    assert.equal(await client.exchange(), 'ECONNREFUSED')
    await using dns = await Container.run(networks, port(53, 5353, udp))
    assert.equal(await client.exchange(), `${dns.name} ${lan.peer4} 5`)
    await client.close()
  })

  test('leads to the new container for a client that was talking to the old one', async () => {
    const client = await peer.openUdp(lan.host4, 5353)
    const first = await Container.run(networks, port(53, 5353, udp))
    assert.match(await client.exchange(), new RegExp(`^${first.name} `))
    await first[Symbol.asyncDispose]()
    await using second = await Container.run(networks, port(53, 5353, udp))
    assert.match(await client.exchange(), new RegExp(`^${second.name} `))
    await client.close()
  })
})

describe('what is not published', () => {
  test('is not reached by a peer that routes to the container', async () => {
    await using web = await Container.run(networks, port(80, 8080))
    await web.place.serve('tcp', 81, 'secret')
    assert.match(await host.fetch('tcp', web.ipv4, 81), /^secret /)
    assert.equal(await peer.fetchBriefly('tcp', web.ipv4, 81), 'TIMEOUT')
    assert.equal(await peer.fetchBriefly('tcp', web.ipv4, 80), 'TIMEOUT')
  })

  test('on the host loopback is not reached from the bridge', async () => {
    await host.serve('tcp', 6379, 'hosts-own')
    assert.match(await host.fetch('tcp', '127.0.0.1', 6379), /^hosts-own /)
    await using shell = await Container.run(networks)
    await shell.place.routeLoopbackOut(networks.gateway)
    assert.equal(await shell.place.fetchBriefly('tcp', '127.0.0.1', 6379), 'TIMEOUT')
  })
})

describe('a container', () => {
  test('reaches the network of the host, with the address of the host', async () => {
    await peer.serve('tcp', 7000, 'outside')
    await using shell = await Container.run(networks)
    assert.equal(await shell.place.fetch('tcp', lan.peer4, 7000), `outside ${lan.host4} 5`)
  })

  test('reaches another by its address, with its own', async () => {
    await using one = await Container.run(networks)
    await using two = await Container.run(networks)
    assert.equal(await one.place.fetch('tcp', two.ipv4, 80), `${two.name} ${one.ipv4} 5`)
  })

  test('reaches a server of the host at the address of the bridge', async () => {
    await host.serve('tcp', 7001, 'on-host')
    await using shell = await Container.run(networks)
    assert.equal(await shell.place.fetch('tcp', networks.gateway, 7001), `on-host ${shell.ipv4} 5`)
  })
})

describe('a port that is taken', () => {
  test('by another container is refused with the words of dockerd, and changes nothing', async () => {
    await using web = await Container.run(networks, port(80, 8080))
    const earlier = ruleset()
    const refused = request([port(80, 8081), port(80, 8080)])
    await assert.rejects(networks.connect(refused), {
      kind: 'system',
      message: new RegExp(
        `^driver failed programming external connectivity on endpoint ${refused.name} \\([0-9a-f]{64}\\): ` +
          'Bind for 0.0.0.0:8080 failed: port is already allocated$',
      ),
    })
    assert.equal(ruleset(), earlier)
    assert.match(await host.fetch('tcp', '127.0.0.1', 8080), new RegExp(`^${web.name} `))
    assert.equal(Object.keys(networks.inspect('bridge').Containers).length, 1)
    await using next = await Container.run(networks, port(80, 8081))
    assert.match(await host.fetch('tcp', '127.0.0.1', 8081), new RegExp(`^${next.name} `))
  })

  test('by a program is refused, and given once it is free', async () => {
    const program = createServer().listen(8080, '127.0.0.1')
    await once(program, 'listening')
    await assert.rejects(networks.connect(request([port(80, 8080)])), {
      message: /: Error starting userland proxy: listen tcp4 0\.0\.0\.0:8080: bind: address already in use$/,
    })
    program.close()
    await once(program, 'close')
    await using web = await Container.run(networks, port(80, 8080))
    assert.match(await host.fetch('tcp', '127.0.0.1', 8080), new RegExp(`^${web.name} `))
  })

  test('on an address that is not the host’s is refused', async () => {
    await assert.rejects(networks.connect(request([port(80, 8080, { hostAddress: '203.0.113.1' })])), {
      message: /listen tcp4 203\.0\.113\.1:8080: bind: cannot assign requested address$/,
    })
  })

  test('keeps programs out while the container has it', async () => {
    await using web = await Container.run(networks, port(80, 8080))
    const [error] = await once(createServer().listen(8080, '127.0.0.1'), 'error')
    assert.equal(error.code, 'EADDRINUSE')
    assert.ok(web.name)
  })
})

describe('a port of the engine’s choice', () => {
  test('is from the ephemeral range, the same for both families, and not given twice', async () => {
    await using one = await Container.run(networks, port(80, 0))
    await using two = await Container.run(networks, port(80, 0))
    const [first, second] = [one, two].map(({ connection }) => connection.ports.map(({ hostPort }) => hostPort))
    assert.ok(first?.[0] && first[0] >= 32768 && first[0] <= 60999)
    assert.equal(first[0], first[1])
    assert.notEqual(first[0], second?.[0])
    assert.match(await peer.fetch('tcp', lan.host4, first[0]), new RegExp(`^${one.name} `))
  })

  test('is the first free one of a range, and an exhausted range is refused', async () => {
    const range = port(80, 8000, { hostPortEnd: 8001 })
    await using one = await Container.run(networks, range)
    await using two = await Container.run(networks, range)
    assert.equal(one.connection.ports[0]?.hostPort, 8000)
    assert.equal(two.connection.ports[0]?.hostPort, 8001)
    await assert.rejects(
      networks.connect(request([range])),
      /Bind for 0\.0\.0\.0:8001 failed: port is already allocated$/,
    )
  })
})

describe('after it has gone', () => {
  test('nothing of a container is left in the rules, and its port is refused', async () => {
    const earlier = ruleset()
    const web = await Container.run(networks, port(80, 8080), port(53, 5353, udp))
    assert.notEqual(ruleset(), earlier)
    await web[Symbol.asyncDispose]()
    assert.equal(ruleset(), earlier)
    assert.equal(await host.fetch('tcp', '127.0.0.1', 8080), 'ECONNREFUSED')
    assert.equal(await host.fetch('tcp', '::1', 8080), 'ECONNREFUSED')
    assert.equal(await peer.fetch('tcp', lan.host4, 8080), 'ECONNREFUSED')
  })

  test('a relayed connection ends', async () => {
    const web = await Container.run(networks, port(80, 8080))
    const client = connect(8080, '::1')
    client.on('error', () => {})
    await once(client, 'connect')
    await web[Symbol.asyncDispose]()
    if (!client.closed) await once(client, 'close')
  })

  test('disconnecting again does nothing', async () => {
    const web = await Container.run(networks, port(80, 8080))
    await web[Symbol.asyncDispose]()
    await using other = await Container.run(networks, port(80, 8080))
    assert.ok(web.connection.endpoint)
    await networks.disconnect(web.connection.endpoint)
    assert.match(await host.fetch('tcp', '127.0.0.1', 8080), new RegExp(`^${other.name} `))
  })
})

test('ports are published again after the rules of the host were flushed', async () => {
  await using first = await Container.run(networks, port(80, 8080))
  using nft = new Nftables()
  nft.run('flush ruleset')
  await using second = await Container.run(networks, port(80, 8081))
  assert.equal(await peer.fetch('tcp', lan.host4, 8080), `${first.name} ${lan.peer4} 5`)
  assert.equal(await peer.fetch('tcp', lan.host4, 8081), `${second.name} ${lan.peer4} 5`)
})

test('sixty containers connected at once have an address each', async () => {
  const connections = await Promise.all(Array.from({ length: 60 }, () => networks.connect(request([port(80, 0)]))))
  assert.equal(new Set(connections.map(({ endpoint }) => endpoint?.ipv4)).size, 60)
  for (const { endpoint, namespace, reservations } of connections) {
    namespace.close()
    for (const socket of reservations) socket.close()
    if (endpoint) await networks.disconnect(endpoint)
  }
  assert.deepEqual(networks.inspect('bridge').Containers, {})
})

function ruleset(): string {
  using nft = new Nftables()
  return nft.run('list ruleset')
}
