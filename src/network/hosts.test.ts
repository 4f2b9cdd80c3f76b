// /etc/hosts as Docker lays it out.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostnameFile, type HostsInput, hostsFile, hostsFileOfHost } from './hosts.ts'

const input: HostsInput = {
  hostname: 'web',
  domainname: '',
  addresses: ['172.17.0.2'],
  extraHosts: [],
  hostGateway: ['172.17.0.1'],
}

const standard = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`

test('the standard names come first, the container last', () => {
  assert.equal(hostsFile(input), `${standard}172.17.0.2\tweb\n`)
})

test('a domain name is written before the short one, for each address', () => {
  const file = hostsFile({ ...input, domainname: 'example.org', addresses: ['172.17.0.2', 'fd00::2'] })
  assert.equal(file, `${standard}172.17.0.2\tweb.example.org web\nfd00::2\tweb.example.org web\n`)
})

test('extra hosts come in their order, with IPv6 addresses and host-gateway', () => {
  const extraHosts = ['db:10.0.0.9', 'six:::1', 'seven:[fe80::1]', 'host.docker.internal:host-gateway']
  assert.equal(
    hostsFile({ ...input, addresses: [], extraHosts }),
    `${standard}10.0.0.9\tdb\n::1\tsix\nfe80::1\tseven\n172.17.0.1\thost.docker.internal\n`,
  )
})

for (const entry of ['db', ':10.0.0.9', 'db:', 'db: 10.0.0.9', 'db\n10.0.0.1 other:10.0.0.9']) {
  test(`${JSON.stringify(entry)} is refused`, () => {
    const message = `bad format for add-host: "${entry}"`
    assert.throws(() => hostsFile({ ...input, extraHosts: [entry] }), { kind: 'invalid', message })
  })
}

test('an extra host without an address is refused', () => {
  const message = 'invalid IP address in add-host: "nowhere"'
  assert.throws(() => hostsFile({ ...input, extraHosts: ['db:nowhere'] }), { kind: 'invalid', message })
})

test('on the host’s network the host’s file is taken, unless there are extra hosts', () => {
  assert.equal(hostsFileOfHost('127.0.0.1 localhost me\n', input), '127.0.0.1 localhost me\n')
  const file = hostsFileOfHost('127.0.0.1 localhost me\n', { ...input, extraHosts: ['db:10.0.0.9'] })
  assert.equal(file, `${standard}10.0.0.9\tdb\n`)
})

test('the host name is a line', () => assert.equal(hostnameFile('web'), 'web\n'))
