// Netlink against the kernel: in a network namespace of the test's own.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from './ffi.ts'
import { createNetworkNamespace, inNetworkNamespace } from './namespace.ts'
import { listAddresses, removeAddress, setAddress } from './netlink-address.ts'
import { createBridge, createVeth, deleteLink, findLink, listLinks, setLink } from './netlink-link.ts'
import { listNeighbours, setNeighbour } from './netlink-neighbour.ts'
import { listRoutes, setDefaultRoute } from './netlink-route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from './netlink.ts'

/** A socket in a new namespace, with its `lo` up. */
function fresh() {
  const namespace = createNetworkNamespace()
  const socket = inNetworkNamespace(namespace, () => NetlinkSocket.open(NETLINK_ROUTE))
  socket.transact(setLink(1, { up: true }))
  const close = () => {
    socket.close()
    namespace.close()
  }
  return { namespace, socket, [Symbol.dispose]: close }
}

/** The index of the link called `name`, which must be there. */
function indexOf(socket: NetlinkSocket, name: string): number {
  const link = findLink(socket, name)
  assert.ok(link, name)
  return link.index
}

test('a bridge is created with its MAC and found by name', () => {
  using host = fresh()
  host.socket.transact(createBridge('br', { mac: '02:42:0a:00:00:01', mtu: 1400 }))
  const link = findLink(host.socket, 'br')
  assert.deepEqual(
    { ...link, index: 0 },
    {
      index: 0,
      name: 'br',
      up: false,
      mtu: 1400,
      mac: '02:42:0a:00:00:01',
      master: undefined,
      kind: 'bridge',
    },
  )
})

test('a link that is not there is undefined, and a name that is taken is refused by name', () => {
  using host = fresh()
  assert.equal(findLink(host.socket, 'nothing'), undefined)
  host.socket.transact(createBridge('br', { mac: '02:42:0a:00:00:01' }))
  assert.throws(() => host.socket.transact(createBridge('br', { mac: '02:42:0a:00:00:02' })), {
    code: 'EEXIST',
    message: 'netlink link br: file exists',
  })
})

test('both ends of a veth pair are born where they belong', () => {
  using host = fresh()
  using other = fresh()
  host.socket.transact(createBridge('br', { mac: '02:42:0a:00:00:01' }))
  const master = indexOf(host.socket, 'br')
  const peer = { name: 'eth0', mac: '02:42:0a:00:00:05', namespace: other.namespace }
  host.socket.transact(createVeth({ name: 'vetha', master, up: true }, peer))
  assert.equal(findLink(host.socket, 'vetha')?.master, master)
  assert.equal(findLink(host.socket, 'vetha')?.up, true)
  assert.equal(findLink(host.socket, 'eth0'), undefined)
  assert.equal(findLink(other.socket, 'eth0')?.mac, '02:42:0a:00:00:05')
})

test('addresses, routes and neighbours are set and listed', () => {
  using host = fresh()
  host.socket.transact(createBridge('br', { mac: '02:42:0a:00:00:01' }))
  const link = indexOf(host.socket, 'br')
  const entries = [
    { link, address: '10.9.0.1', prefix: 16 },
    { link, address: 'fd00:9::1', prefix: 64 },
  ]
  host.socket.transact(setLink(link, { up: true }), ...entries.map(setAddress), setDefaultRoute('10.9.0.254', link))
  host.socket.transact(setNeighbour({ link, address: '10.9.0.7', mac: '02:42:0a:09:00:07' }))
  const listed = listAddresses(host.socket).filter(entry => entry.link === link && !entry.address.startsWith('fe80'))
  assert.deepEqual(listed, entries)
  const routes = listRoutes(host.socket).filter(route => route.link === link)
  assert.ok(routes.some(route => route.destination === undefined && route.gateway === '10.9.0.254'))
  assert.ok(routes.some(route => route.destination === '10.9.0.0/16' && route.gateway === undefined))
  assert.deepEqual(
    listNeighbours(host.socket).filter(neighbour => neighbour.link === link && !neighbour.address.includes(':')),
    [{ link, address: '10.9.0.7', mac: '02:42:0a:09:00:07' }],
  )
})

test('what was set can be removed', () => {
  using host = fresh()
  host.socket.transact(createBridge('br', { mac: '02:42:0a:00:00:01' }))
  const entry = { link: indexOf(host.socket, 'br'), address: '10.9.0.1', prefix: 16 }
  host.socket.transact(setAddress(entry))
  host.socket.transact(removeAddress(entry))
  assert.ok(!listAddresses(host.socket).some(({ address }) => address === '10.9.0.1'))
  host.socket.transact(deleteLink(entry.link))
  assert.equal(findLink(host.socket, 'br'), undefined)
})

test('of several requests in one datagram the first that fails is reported and the others are carried out', () => {
  using host = fresh()
  const [one, two] = ['br1', 'br2'].map(name => createBridge(name, { mac: '02:42:0a:00:00:01' }))
  assert.ok(one && two)
  assert.throws(() => host.socket.transact(one, one, setLink(999, { up: true }), two), {
    subject: 'link br1',
    code: 'EEXIST',
  })
  assert.ok(findLink(host.socket, 'br2'))
  // Nothing of the failed batch is left in the socket to be taken for a later answer.
  host.socket.transact(setLink(indexOf(host.socket, 'br1'), { up: true }))
})

test('a dump of many links is complete', () => {
  using host = fresh()
  const names = Array.from({ length: 300 }, (_, index) => `br${index}`)
  host.socket.transact(...names.map(name => createBridge(name, { mac: '02:42:0a:00:00:01' })))
  const found = new Set(listLinks(host.socket).map(link => link.name))
  assert.ok(names.every(name => found.has(name)))
})

test('a socket stays with the namespace it was opened in', () => {
  using host = fresh()
  using here = NetlinkSocket.open(NETLINK_ROUTE)
  host.socket.transact(createBridge('only-there', { mac: '02:42:0a:00:00:01' }))
  assert.equal(findLink(here, 'only-there'), undefined)
})

test('a closed socket refuses', () => {
  const socket = NetlinkSocket.open(NETLINK_ROUTE)
  socket.close()
  assert.throws(
    () => listLinks(socket),
    error => hasCode(error, 'EBADF'),
  )
})
