// /etc/resolv.conf from the host's and from what was asked for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostResolverPath, parseResolver, type ResolverInput, resolverFile } from './resolv-conf.ts'

const hostFile = `# a comment
nameserver 127.0.0.53
nameserver 192.0.2.53 # the office
nameserver ::1
nameserver 2001:db8::53
domain old.example
search corp.example example.org
options edns0
options ndots:2 ; more
`

const input: ResolverInput = { hostFile, servers: [], search: [], options: [], ipv6: false, hostNetwork: false }

test('loopback servers, and IPv6 ones for a container without IPv6, are left out', () => {
  assert.equal(resolverFile(input), 'nameserver 192.0.2.53\nsearch corp.example example.org\noptions edns0 ndots:2\n')
})

test('a container with IPv6 keeps the IPv6 servers', () => {
  assert.deepEqual(parseResolver(resolverFile({ ...input, ipv6: true })).servers, ['192.0.2.53', '2001:db8::53'])
})

test('without a usable server the public ones are taken', () => {
  const only = { ...input, hostFile: 'nameserver 127.0.0.1\nnameserver ::1%lo\n' }
  assert.equal(resolverFile(only), 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n')
  assert.equal(parseResolver(resolverFile({ ...only, ipv6: true })).servers.length, 4)
  assert.equal(resolverFile({ ...only, hostFile: '' }), 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n')
})

test('what was asked for replaces each kind of the host’s entries', () => {
  const asked = { ...input, servers: ['127.0.0.1'], search: ['a', 'b'], options: ['timeout:1'] }
  assert.equal(resolverFile(asked), 'nameserver 127.0.0.1\nsearch a b\noptions timeout:1\n')
})

test('a single dot empties the search list', () => {
  assert.deepEqual(parseResolver(resolverFile({ ...input, search: ['.'] })).search, [])
})

test('on the host’s network the file is the host’s, but for what was asked for', () => {
  assert.equal(resolverFile({ ...input, hostNetwork: true }), hostFile)
  const file = resolverFile({ ...input, hostNetwork: true, search: ['x'] })
  assert.deepEqual(parseResolver(file).servers, ['127.0.0.53', '192.0.2.53', '::1', '2001:db8::53'])
})

test('where systemd-resolved is the only server, its own list is read', () => {
  assert.equal(hostResolverPath('nameserver 127.0.0.53\noptions edns0\n'), '/run/systemd/resolve/resolv.conf')
  assert.equal(hostResolverPath(hostFile), '/etc/resolv.conf')
})
