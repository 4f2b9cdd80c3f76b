// The bridge over its life: made, restored, beside others, with IPv6, and among other firewalls.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { inNetworkNamespace } from '../kernel/namespace.ts'
import { listAddresses, setAddress } from '../kernel/netlink-address.ts'
import { createBridge, deleteLink, findLink, setLink } from '../kernel/netlink-link.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink.ts'
import { Database } from '../state/database.ts'
import { readSysctl } from './sysctl.ts'
import {
  Container,
  enterOwnHost,
  lookInto,
  port,
  removeBridge,
  request,
  startNetworks,
  withNetworks,
} from './testing.ts'

enterOwnHost()

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
    await assert.rejects(startNetworks({ bridgeName: 'lo' }), { kind: 'invalid', message: /lo is not a bridge/ })
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
