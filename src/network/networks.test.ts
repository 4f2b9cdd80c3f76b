// The bridge over its life: made, restored, beside others, with IPv6, and among other firewalls.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Fd } from '../kernel/descriptor.ts'
import { inNetworkNamespace } from '../kernel/namespace.ts'
import { listAddresses, setAddress } from '../kernel/netlink-address.ts'
import { createBridge, deleteLink, findLink, listLinks, setLink } from '../kernel/netlink-link.ts'
import { listRoutes } from '../kernel/netlink-route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink.ts'
import { Nftables } from '../kernel/nftables.ts'
import { silentLog } from '../lib/log.ts'
import { Database } from '../state/database.ts'
import { Networks } from './networks.ts'
import { listenersOf } from './relays.ts'
import { readSysctl, writeSysctl } from './sysctl.ts'
import {
  Container,
  createPeer,
  enterOwnHost,
  lan,
  openHost,
  type Place,
  port,
  request,
  startNetworks,
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

/** Runs `body` with networks of these options; the bridge goes afterwards. */
async function withNetworks(options: Parameters<typeof startNetworks>[0], body: (networks: Networks) => Promise<void>) {
  await using networks = await startNetworks(options)
  try {
    await body(networks)
  } finally {
    removeBridge(options?.bridgeName ?? 'gantry0')
  }
}

function removeBridge(name: string) {
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  using nft = new Nftables()
  const link = findLink(socket, name)
  if (link) socket.transact(deleteLink(link.index))
  nft.run('flush ruleset')
}

/** The names and addresses of a namespace's links, and its default gateways. */
function lookInto(namespace: Fd) {
  return inNetworkNamespace(namespace, () => {
    using socket = NetlinkSocket.open(NETLINK_ROUTE)
    const links = listLinks(socket).filter(link => link.up)
    const name = (index: number) => links.find(link => link.index === index)?.name
    const addresses = listAddresses(socket).map(entry => `${name(entry.link)} ${entry.address}/${entry.prefix}`)
    const gateways = listRoutes(socket).flatMap(route => route.gateway ?? [])
    return { links: links.map(link => link.name), addresses: addresses.toSorted(), gateways }
  })
}

describe('the bridge', () => {
  test('takes the first default network, with 172.17 left to docker0', async () => {
    await withNetworks({}, async networks => assert.equal(networks.gateway, '172.17.0.1'))
    using socket = NetlinkSocket.open(NETLINK_ROUTE)
    socket.transact(createBridge('docker0', { mac: '02:42:00:00:00:01' }))
    await withNetworks({}, async networks => assert.equal(networks.gateway, '172.18.0.1'))
    const docker0 = findLink(socket, 'docker0')
    assert.ok(docker0)
    socket.transact(
      setAddress({ link: docker0.index, address: '172.18.0.1', prefix: 16 }),
      setLink(docker0.index, { up: true }),
    )
    await withNetworks({}, async networks => assert.equal(networks.gateway, '172.19.0.1'))
    socket.transact(deleteLink(docker0.index))
  })

  test('keeps its network and its id when the daemon starts again, and --bip changes it', async () => {
    using database = Database.open(':memory:')
    const first = await startNetworks({ database })
    const { Id } = first.inspect('bridge')
    await first[Symbol.asyncDispose]()
    removeBridge('gantry0')
    await withNetworks({ database, pools: [{ base: '10.200.0.0/16', size: 16 }] }, async networks => {
      assert.equal(networks.gateway, '172.17.0.1')
      assert.equal(networks.inspect('bridge').Id, Id)
    })
    await withNetworks({ database, bip: '10.99.0.5/24' }, async networks => {
      assert.equal(networks.gateway, '10.99.0.5')
      assert.deepEqual(networks.inspect('bridge').IPAM.Config, [{ Subnet: '10.99.0.0/24', Gateway: '10.99.0.5' }])
      assert.deepEqual(addressesOf('gantry0'), ['10.99.0.5/24'])
    })
  })

  test('that somebody made is used with its address', async () => {
    using socket = NetlinkSocket.open(NETLINK_ROUTE)
    socket.transact(createBridge('br0', { mac: '02:42:00:00:00:01' }))
    const link = findLink(socket, 'br0')
    assert.ok(link)
    socket.transact(setAddress({ link: link.index, address: '10.77.0.1', prefix: 24 }))
    await withNetworks({ bridgeName: 'br0' }, async networks => assert.equal(networks.gateway, '10.77.0.1'))
  })

  test('must be a bridge and have a name', async () => {
    await assert.rejects(startNetworks({ bridgeName: 'lan0' }), { kind: 'invalid', message: /lan0 is not a bridge/ })
    await assert.rejects(startNetworks({ bridgeName: 'a name too long' }), { kind: 'invalid' })
    await assert.rejects(startNetworks({ bip: '10.0.0.0/24' }), { kind: 'invalid' })
    await assert.rejects(startNetworks({ bip: 'x' }), { kind: 'invalid' })
  })
})

function addressesOf(name: string): string[] {
  using socket = NetlinkSocket.open(NETLINK_ROUTE)
  const link = findLink(socket, name)
  return listAddresses(socket)
    .filter(entry => entry.link === link?.index)
    .map(entry => `${entry.address}/${entry.prefix}`)
}

describe('a namespace', () => {
  test('has an eth0 with its address, MAC and gateway, and no IPv6 but ::1', async () => {
    await withNetworks({}, async networks => {
      const { namespace, endpoint } = await networks.connect(request([]))
      using held = new DisposableStack()
      held.use(namespace)
      assert.deepEqual(lookInto(namespace), {
        links: ['lo', 'eth0'],
        addresses: ['eth0 172.17.0.2/16', 'lo 127.0.0.1/8', 'lo ::1/128'],
        gateways: ['172.17.0.1'],
      })
      assert.equal(endpoint?.mac, '02:42:ac:11:00:02')
      const radvd = inNetworkNamespace(namespace, () => readSysctl('ipv6/conf/eth0/accept_ra'))
      assert.equal(radvd, '0')
    })
  })

  test('of mode none has only lo', async () => {
    await withNetworks({}, async networks => {
      const connection = await networks.connect(request([port(80, 8080)], { networkMode: 'none' }))
      using namespace = connection.namespace
      assert.deepEqual(lookInto(namespace), {
        links: ['lo'],
        addresses: ['lo 127.0.0.1/8', 'lo ::1/128'],
        gateways: [],
      })
      assert.equal(connection.endpoint, undefined)
      assert.deepEqual([connection.ports, connection.reservations], [[], []])
    })
  })

  test('has the address and MAC that were asked for', async () => {
    await withNetworks({}, async networks => {
      const asked = request([], { ip: '172.17.0.99', mac: '02-AA-00-00-00-01' })
      const { namespace, endpoint } = await networks.connect(asked)
      using held = new DisposableStack()
      held.use(namespace)
      assert.deepEqual([endpoint?.ipv4, endpoint?.mac], ['172.17.0.99', '02:aa:00:00:00:01'])
      await assert.rejects(networks.connect(request([], { ip: '172.17.0.99' })), { kind: 'conflict' })
      for (const mac of ['01:00:00:00:00:01', 'x', '02:00:00:00:00:00:00']) {
        await assert.rejects(networks.connect(request([], { mac })), { kind: 'invalid' }, mac)
      }
    })
  })

  test('takes its devices with it when it goes', async () => {
    await withNetworks({}, async networks => {
      const { namespace, endpoint } = await networks.connect(request([]))
      using socket = NetlinkSocket.open(NETLINK_ROUTE)
      assert.ok(endpoint && findLink(socket, endpoint.link))
      namespace.close()
      const deadline = performance.now() + 10_000
      while (findLink(socket, endpoint.link)) {
        assert.ok(performance.now() < deadline, 'the device is still there')
        await new Promise(resolve => setImmediate(resolve))
      }
    })
  })
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

test('two daemons side by side have a bridge, a network and ports each, apart from each other', async () => {
  await using one = await startNetworks({ bridgeName: 'gantry1' })
  await using two = await startNetworks({ bridgeName: 'gantry-2' })
  assert.notEqual(one.gateway, two.gateway)
  {
    await using first = await Container.run(one, port(80, 8080))
    await using second = await Container.run(two, port(80, 8081))
    assert.match(await peer.fetch('tcp', lan.host4, 8080), new RegExp(`^${first.name} `))
    assert.match(await peer.fetch('tcp', lan.host4, 8081), new RegExp(`^${second.name} `))
    assert.match(await first.place.fetch('tcp', lan.host4, 8081), new RegExp(`^${second.name} `))
    assert.equal(await first.place.fetch('tcp', second.ipv4, 80), 'TIMEOUT')
    await assert.rejects(two.connect(request([port(80, 8080)])), /bind: address already in use$/)
  }
  removeBridge('gantry1')
  removeBridge('gantry-2')
})

describe('with IPv6', () => {
  const ipv6 = { subnet: 'fd00:99::/64' }

  test('a container has an address, reaches out, and its ports are reached with the source preserved', async () => {
    await withNetworks({ ipv6 }, async networks => {
      await using web = await Container.run(networks, port(80, 8080), port(53, 5353, { protocol: 'udp' }))
      assert.equal(web.endpoint.ipv6, 'fd00:99::2')
      assert.deepEqual(lookInto(web.place.namespace).gateways.toSorted(), ['172.17.0.1', 'fd00:99::1'])
      assert.equal(await peer.fetch('tcp', lan.host6, 8080), `${web.name} ${lan.peer6} 5`)
      assert.equal(await peer.fetch('udp', lan.host6, 5353), `${web.name} ${lan.peer6} 5`)
      assert.equal(await peer.fetch('tcp', lan.host4, 8080), `${web.name} ${lan.peer4} 5`)
      for (const address of ['::1', lan.host6]) {
        assert.match(await host.fetch('tcp', address, 8080), new RegExp(`^${web.name} `), address)
        assert.match(await host.fetch('udp', address, 5353), new RegExp(`^${web.name} `), address)
      }
      await peer.serve('tcp', 7006, 'outside')
      assert.equal(await web.place.fetch('tcp', lan.peer6, 7006), `outside ${lan.host6} 5`)
      assert.match(await web.place.fetch('tcp', lan.host6, 8080), new RegExp(`^${web.name} `))
    })
  })

  test('what is not published is not reached', async () => {
    await withNetworks({ ipv6 }, async networks => {
      await using web = await Container.run(networks)
      assert.match(await host.fetch('tcp', 'fd00:99::2', 80), new RegExp(`^${web.name} `))
      assert.equal(await peer.fetch('tcp', 'fd00:99::2', 80), 'TIMEOUT')
    })
  })

  test('the host goes on listening to its routers', async () => {
    writeSysctl('ipv6/conf/all/forwarding', '0')
    writeSysctl('ipv6/conf/lan0/accept_ra', '1')
    await withNetworks({ ipv6 }, async () => {
      assert.equal(readSysctl('ipv6/conf/all/forwarding'), '1')
      assert.equal(readSysctl('ipv6/conf/lan0/accept_ra'), '2')
      assert.equal(readSysctl('ipv6/conf/gantry0/accept_ra'), '0')
    })
  })
})

describe('on a host that did not forward', () => {
  test('the daemon makes it a router for containers only', async () => {
    writeSysctl('ipv4/ip_forward', '0')
    await using second = await createPeer({ link: 'lan1', host4: '203.0.113.1', peer4: '203.0.113.2' })
    await second.serve('tcp', 7100, 'other-network')
    await withNetworks({}, async networks => {
      assert.equal(readSysctl('ipv4/ip_forward'), '1')
      await using web = await Container.run(networks, port(80, 8080))
      assert.match(await peer.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
      assert.match(await web.place.fetch('tcp', '203.0.113.2', 7100), /^other-network /)
      assert.equal(await peer.fetch('tcp', '203.0.113.2', 7100), 'TIMEOUT')
    })
    await withNetworks({}, async () => {
      assert.match(await peer.fetch('tcp', '203.0.113.2', 7100), /^other-network /)
    })
  })
})

describe('beside a firewall that drops what is forwarded', () => {
  const docker = [
    'table ip filter {',
    '  chain DOCKER-USER { counter return; }',
    '  chain FORWARD { type filter hook forward priority 0; policy drop; counter jump DOCKER-USER; }',
    '}',
  ].join('\n')
  const plain = 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }'

  for (const [name, rules, outside] of [
    ['docker', docker, 7200],
    ['plain', plain, 7201],
  ] as const) {
    test(`containers are reached, and reach out (${name}); the exceptions go with the last container`, async () => {
      using nft = new Nftables()
      nft.run(rules)
      const untouched = nft.run('list table ip filter')
      const networks = await startNetworks()
      {
        await using web = await Container.run(networks, port(80, 8080))
        await peer.serve('tcp', outside, 'outside')
        assert.match(await peer.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
        assert.match(await web.place.fetch('tcp', lan.peer4, outside), /^outside /)
        assert.equal(await peer.fetch('tcp', web.ipv4, 80), 'TIMEOUT')
      }
      assert.match(nft.run('list table ip filter'), /comment "gantry"/)
      await networks[Symbol.asyncDispose]()
      assert.equal(withoutCounts(nft.run('list table ip filter')), withoutCounts(untouched))
      removeBridge('gantry0')
    })
  }
})

const withoutCounts = (rules: string) => rules.replaceAll(/packets \d+ bytes \d+/g, '')

describe('the networks of a daemon', () => {
  test('are bridge, host and none, in the shape of the Engine API', async () => {
    await withNetworks({}, async networks => {
      await using web = await Container.run(networks)
      assert.deepEqual(
        networks.list().map(({ Name, Driver, Scope }) => ({ Name, Driver, Scope })),
        [
          { Name: 'bridge', Driver: 'bridge', Scope: 'local' },
          { Name: 'host', Driver: 'host', Scope: 'local' },
          { Name: 'none', Driver: 'null', Scope: 'local' },
        ],
      )
      const bridge = networks.inspect('bridge')
      assert.match(bridge.Id, /^[0-9a-f]{64}$/)
      assert.match(bridge.Created, /^\d{4}-.*Z$/)
      assert.deepEqual(bridge.Containers[web.endpoint.containerId], {
        Name: web.name,
        EndpointID: web.endpoint.endpointId,
        MacAddress: '02:42:ac:11:00:02',
        IPv4Address: '172.17.0.2/16',
        IPv6Address: '',
      })
      assert.equal(bridge.Options['com.docker.network.bridge.name'], 'gantry0')
      assert.equal(networks.inspect(bridge.Id.slice(0, 12)).Name, 'bridge')
    })
  })

  test('one that is not there is not found', async () => {
    await withNetworks({}, async networks => {
      for (const name of ['nowhere', '']) {
        assert.throws(() => networks.inspect(name), { kind: 'notFound', message: `network ${name} not found` })
      }
    })
  })
})

test('descriptors do not grow with connections', async () => {
  await withNetworks({}, async networks => {
    const cycle = async () => {
      const { namespace, endpoint, reservations } = await networks.connect(request([port(80, 8080)]))
      for (const descriptor of [namespace, ...reservations]) descriptor.close()
      assert.ok(endpoint)
      await networks.disconnect(endpoint)
    }
    await cycle()
    const count = descriptorCount()
    for (let index = 0; index < 20; index++) await cycle()
    assert.equal(descriptorCount(), count)
  })
})

const descriptorCount = () => readdirSync('/proc/self/fd').length
