// The bridge beside other daemons, with IPv6, on hosts that did not forward, and among other firewalls.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Nftables } from '../kernel/nftables.ts'
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
    assert.equal(await first.place.fetchBriefly('tcp', second.ipv4, 80), 'TIMEOUT')
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
      assert.equal(await peer.fetchBriefly('tcp', 'fd00:99::2', 80), 'TIMEOUT')
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
      assert.equal(await peer.fetchBriefly('tcp', '203.0.113.2', 7100), 'TIMEOUT')
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
        assert.equal(await peer.fetchBriefly('tcp', web.ipv4, 80), 'TIMEOUT')
      }
      assert.match(nft.run('list table ip filter'), /comment "gantry"/)
      await networks[Symbol.asyncDispose]()
      assert.equal(withoutCounts(nft.run('list table ip filter')), withoutCounts(untouched))
      removeBridge('gantry0')
    })
  }
})

const withoutCounts = (rules: string) => rules.replaceAll(/packets \d+ bytes \d+/g, '')
