// The configuration file, and what is wrong with one.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { temporaryDirectory } from '../content/testing.ts'
import { readConfig } from './config.ts'

const hash = `$2y$05$${'a'.repeat(53)}`

test('all of it', () => {
  using place = temporaryDirectory()
  writeFileSync(place.join('users'), `# staff\nann:${hash}\n\nbob:${hash}\n`)
  writeFileSync(
    place.join('registry.yaml'),
    `
root: content
listen: 127.0.0.1:0
url: https://registry.example.org/
tls: {certificate: c.pem, key: /k.pem}
htpasswd: users
users: {carl: "${hash}"}
groups: {dev: [ann, carl]}
access:
  - repository: public/**
    anonymous: true
    allow: [read]
  - groups: [dev]
    allow: [read, write, delete]
retention: [{repository: "ci/*", keep: 3, older-than: 2d12h}]
quotas: [{repository: "home/*", size: 5GB, each: true}]
access-log: access.log
cache: [{prefix: hub/, remote: docker.io, fresh: 1m, keep: 30d}]
s3: {}
`,
  )
  const config = readConfig({ config: place.join('registry.yaml'), listen: '127.0.0.1:7' })
  assert.deepEqual(
    [config.root, config.listen, config.url],
    [place.join('content'), '127.0.0.1:7', 'https://registry.example.org'],
  )
  assert.deepEqual(config.tls, { certificate: place.join('c.pem'), key: '/k.pem', clientCa: undefined })
  assert.deepEqual([...(config.access?.users.keys() ?? [])], ['ann', 'bob', 'carl'])
  assert.deepEqual(
    config.access?.rules.map(({ allow }) => allow),
    [['pull'], ['pull', 'push', 'delete']],
  )
  assert.deepEqual(config.retention, [
    { repository: 'ci/*', tags: ['**'], keep: 3, olderThan: 60 * 3_600_000, untagged: undefined },
  ])
  assert.deepEqual(config.quotas, [{ repository: 'home/*', each: true, bytes: 5e9 }])
  assert.deepEqual(
    config.cache.map(({ prefix, remote, fresh, keep }) => [prefix, remote, fresh, keep]),
    [['hub', 'docker.io', 60_000, 30 * 24 * 3_600_000]],
  )
  assert.deepEqual([config.accessLog, config.s3], [place.join('access.log'), undefined])
  assert.equal(readConfig({}).access, undefined)
})

test('what is wrong is said with its place', () => {
  using place = temporaryDirectory()
  const bad: [string, RegExp][] = [
    ['colour: red', /^colour: there is no such setting$/],
    ['tls: {certificate: x}', /^TLS needs both/],
    ['retention: [{repository: a}]', /^retention\[0\]: expected keep/],
    ['retention: [{keep: -1}]', /^retention\[0\]\.keep: expected a whole number/],
    ['cache: [{remote: x, prefix: hub/*}]', /^cache\[0\]\.prefix: expected the beginning of repositories' names/],
    ['cache: [{remote: x, password: y}]', /^cache\[0\]\.password: expected a username, too$/],
    ['cache: [{remote: "https://x"}]', /^cache\[0\]\.remote: expected a registry's host/],
    ['cache: [{prefix: a, remote: x}, {prefix: a/, remote: y}]', /^cache\[1\]\.prefix: "a" is that of another/],
    ['quotas: [{repository: a}]', /^quotas\[0\]\.size: expected/],
    ['s3: {endpoint: x, bucket: b}', /^s3\.endpoint: expected one such as https/],
    ['root: a\ns3: {endpoint: "https://x", bucket: b, access-key: a, secret-key: b}', /^the content is either/],
    ['tls: {certificate: x, key: y, colour: z}', /^tls\.colour: there is no such setting$/],
    ['users: {ann: secret}', /^users\.ann: not a bcrypt hash/],
    ['groups: {dev: [ann]}', /^groups\.dev: there is no user ann$/],
    ['access: [{allow: [read]}]', /^access\[0\]: expected users, groups, or anonymous/],
    ['access: [{anonymous: true}]', /^access\[0\]: allow names nothing/],
    ['access: [{anonymous: true, allow: [fly]}]', /^access\[0\]\.allow: expected read, write or delete, not fly$/],
    ['access: [{users: [eve], allow: [read]}]', /^access\[0\]: there is no user eve$/],
    ['access: [{groups: [eve], allow: [read]}]', /^access\[0\]: there is no group eve$/],
    ['url: here', /^url: expected one such as/],
    ['collection: {grace: 10m}', /^collection\.grace: expected an hour at least/],
    ['collection: {every: soon}', /^collection\.every: expected a duration/],
    ['root: [1]', /^root: expected a text, not \[1\]$/],
    ['- a', /^the file: expected names with values$|registry\.yaml: the file: expected names/],
    ['a: {', /registry\.yaml: /],
    ['htpasswd: none', /none: ENOENT/],
  ]
  for (const [text, message] of bad) {
    writeFileSync(place.join('registry.yaml'), text)
    assert.throws(() => readConfig({ config: place.join('registry.yaml') }), { message }, text)
  }
})
