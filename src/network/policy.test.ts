// What the operator lets the bridge do: --icc, --ip-masq, --ip-forward, --fixed-cidr, --default-gateway and --bip6.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Database } from '../state/database.ts'
import { readSysctl, writeSysctl } from './sysctl.ts'
import {
  Container,
  createPeer,
  enterOwnHost,
  lan,
  lookInto,
  openHost,
  type Place,
  port,
  removeBridge,
  startNetworks,
  withNetworks,
} from './testing.ts'

enterOwnHost()

const bridgeTranslates = 'bridge/bridge-nf-call-iptables'

let peer: Place
let host: Place

before(async () => {
  // With br_netfilter a translated packet goes straight from port to port, which isolated ports do not let through.
  if (readSysctl(bridgeTranslates) === '1') writeSysctl(bridgeTranslates, '0')
  peer = await createPeer()
  host = await openHost()
})

after(async () => {
  await peer[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})

describe('without communication between containers', () => {
  test('they reach each other by published ports only; the host and the world as ever', async () => {
    await withNetworks({ betweenContainers: false }, async networks => {
      await using web = await Container.run(networks, port(80, 8080))
      await using other = await Container.run(networks)
      assert.equal(await other.place.fetchBriefly('tcp', web.ipv4, 80), 'TIMEOUT')
      assert.equal(await other.place.fetchBriefly('udp', web.ipv4, 53), 'TIMEOUT')
      assert.match(await other.place.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
      assert.match(await web.place.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
      assert.match(await peer.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
      assert.match(await host.fetch('tcp', other.ipv4, 80), new RegExp(`^${other.name} `))
      await peer.serve('tcp', 7010, 'outside')
      assert.match(await other.place.fetch('tcp', lan.peer4, 7010), /^outside /)
      const { Options } = networks.inspect('bridge')
      assert.equal(Options['com.docker.network.bridge.enable_icc'], 'false')
    })
  })

  test('not by way of the bridge’s address either', async () => {
    await withNetworks({ betweenContainers: false }, async networks => {
      await using web = await Container.run(networks)
      await using other = await Container.run(networks)
      other.place.routeBy(networks.gateway, `${web.ipv4}/32`)
      web.place.routeBy(networks.gateway, `${other.ipv4}/32`)
      assert.equal(await other.place.fetchBriefly('tcp', web.ipv4, 80), 'TIMEOUT')
    })
  })

  test('nor do those that ran before the daemon was told so', async () => {
    using database = Database.open(':memory:')
    using cleanUp = new DisposableStack()
    cleanUp.defer(() => removeBridge('gantry0'))
    await using earlier = await startNetworks({ database })
    await using web = await Container.run(earlier)
    await using other = await Container.run(earlier)
    assert.match(await other.place.fetch('tcp', web.ipv4, 80), new RegExp(`^${web.name} `))
    for (const betweenContainers of [false, true]) {
      await using later = await startNetworks({ database, betweenContainers })
      for (const { endpoint } of [web, other]) await later.restore({ endpoint, ports: [], listeners: [] })
      const answer = await other.place.fetchBriefly('tcp', web.ipv4, 80)
      assert.equal(answer !== 'TIMEOUT', betweenContainers, answer)
    }
  })
})

test('without masquerading what a container sends has its own address, and published ports work', async () => {
  await withNetworks({ masquerade: false }, async networks => {
    await using web = await Container.run(networks, port(80, 8080))
    await peer.serve('tcp', 7011, 'outside')
    // The peer's way back is the host, which is its router.
    assert.equal(await web.place.fetch('tcp', lan.peer4, 7011), `outside ${web.ipv4} 5`)
    assert.match(await peer.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
    assert.match(await host.fetch('tcp', '127.0.0.1', 8080), new RegExp(`^${web.name} `))
    assert.match(await web.place.fetch('tcp', lan.host4, 8080), new RegExp(`^${web.name} `))
  })
})

test('the host’s forwarding can be left as it is', async () => {
  writeSysctl('ipv4/ip_forward', '0')
  await withNetworks({ forward: false }, async () => assert.equal(readSysctl('ipv4/ip_forward'), '0'))
  await withNetworks({}, async () => assert.equal(readSysctl('ipv4/ip_forward'), '1'))
})

describe('addresses', () => {
  test('come from the range, with another router than the bridge', async () => {
    const options = { bip: '10.88.0.1/16', range: '10.88.4.0/24', router: '10.88.4.1' }
    await withNetworks(options, async networks => {
      await using web = await Container.run(networks)
      assert.equal(web.ipv4, '10.88.4.0')
      await using next = await Container.run(networks)
      assert.equal(next.ipv4, '10.88.4.2', 'the router keeps its own')
      assert.deepEqual(lookInto(web.place.namespace).gateways, ['10.88.4.1'])
      assert.deepEqual(networks.inspect('bridge').IPAM.Config, [
        {
          Subnet: '10.88.0.0/16',
          IPRange: '10.88.4.0/24',
          Gateway: '10.88.0.1',
          AuxiliaryAddresses: { DefaultGatewayIPv4: '10.88.4.1' },
        },
      ])
    })
  })

  test('a range alone is the subnet', async () => {
    await withNetworks({ range: '10.89.0.0/24' }, async networks => {
      assert.deepEqual(networks.inspect('bridge').IPAM.Config, [{ Subnet: '10.89.0.0/24', Gateway: '10.89.0.1' }])
    })
  })

  test('of IPv6 likewise', async () => {
    const ipv6 = { bip: 'fd00:98::5/64', subnet: 'fd00:98::100/120', router: 'fd00:98::1' }
    await withNetworks({ ipv6 }, async networks => {
      await using web = await Container.run(networks)
      assert.equal(web.endpoint.ipv6, 'fd00:98::100')
      assert.deepEqual(lookInto(web.place.namespace).gateways.toSorted(), ['172.17.0.1', 'fd00:98::1'])
      assert.equal(networks.inspect('bridge').IPAM.Config?.[1]?.Gateway, 'fd00:98::5')
    })
  })

  test('outside the bridge’s network are refused', async () => {
    const bip = '10.88.0.1/16'
    await assert.rejects(startNetworks({ bip, range: '10.89.0.0/24' }), {
      kind: 'invalid',
      message: "--fixed-cidr 10.89.0.0/24 is not part of the bridge's network 10.88.0.0/16",
    })
    await assert.rejects(startNetworks({ bip, range: '10.88.0.0/15' }), { kind: 'invalid' })
    await assert.rejects(startNetworks({ bip, router: '10.89.0.1' }), { kind: 'invalid' })
  })
})
