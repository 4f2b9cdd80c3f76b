// Credentials where docker's CLI keeps them: in all forms that its file may have, and with programs.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { credentialsFor, eraseCredentials, hostOf, indexServer, keepCredentials, serverOf } from './credentials.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

function place(t: TestContext, content?: object) {
  const directory = mkdtempSync(join(tmpdir(), 'login-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'config.json')
  if (content) writeFileSync(path, JSON.stringify(content))
  const read = () => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  return { directory, path, read, env: { DOCKER_CONFIG: directory, PATH: `${directory}:${process.env['PATH']}` } }
}

/** A program that answers so. */
function helper(directory: string, name: string, script: string) {
  const path = join(directory, `docker-credential-${name}`)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

/** What such a program does that has something. */
const answer = (name: string) => `cat >/dev/null; echo '{"Username":"${name}","Secret":"s"}'`

test('a server is found by its name, or as the host of an address', async t => {
  const auths = {
    'a.example': { auth: base64('ann:se:cret\0') },
    'https://b.example/v1/': { username: 'bob', password: 'p' },
    [indexServer]: { auth: base64('hub:'), identitytoken: 'token' },
  }
  const { env } = place(t, { auths })
  assert.deepEqual(await credentialsFor(env, 'a.example'), {
    serveraddress: 'a.example',
    username: 'ann',
    password: 'se:cret',
  })
  assert.deepEqual(await credentialsFor(env, 'b.example'), {
    serveraddress: 'b.example',
    username: 'bob',
    password: 'p',
  })
  assert.deepEqual(await credentialsFor(env, serverOf('busybox')), {
    serveraddress: indexServer,
    username: 'hub',
    identitytoken: 'token',
  })
  assert.deepEqual(await credentialsFor(env, 'c.example'), { serveraddress: 'c.example' })
})

test('names of servers', () => {
  assert.equal(serverOf('localhost:5000/a/b:1'), 'localhost:5000')
  assert.equal(serverOf('library/busybox'), indexServer)
  assert.equal(hostOf('https://a.example:5000/v2/'), 'a.example:5000')
})

test('the file is made for its user alone, and stays where a link leads', async t => {
  const [linked, { env, path, read }] = [place(t, { credHelpers: {}, other: [1] }), place(t)]
  assert.equal(await keepCredentials(env, { serveraddress: 'a', username: 'ann', password: 'p' }), path)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(read(), { auths: { a: { auth: base64('ann:p') } } })
  rmSync(path)
  symlinkSync(linked.path, path)
  await keepCredentials(env, { serveraddress: 'a', username: 'ann', password: '', identitytoken: 'token' })
  assert.deepEqual(linked.read(), {
    credHelpers: {},
    other: [1],
    auths: { a: { auth: base64('ann:'), identitytoken: 'token' } },
  })
  await eraseCredentials(env, 'a')
  assert.deepEqual(read(), { credHelpers: {}, other: [1], auths: {} })
})

test('a program of a server’s own counts before the one for all, and what goes wrong with it is said', async t => {
  const { directory, env } = place(t, { credsStore: 'all', credHelpers: { own: 'one', bad: 'bad', gone: 'nowhere' } })
  helper(directory, 'all', answer('all'))
  helper(directory, 'one', answer('one'))
  helper(directory, 'bad', 'echo locked; exit 1')
  const nameFor = async (server: string) => (await credentialsFor(env, server)).username
  assert.equal(await nameFor('own'), 'one')
  assert.equal(await nameFor('other'), 'all')
  await assert.rejects(credentialsFor(env, 'bad'), {
    message: 'error getting credentials - err: exit status 1, out: `locked`',
  })
  await assert.rejects(credentialsFor(env, 'gone'), /^GantryError: cannot run docker-credential-nowhere: /)
  helper(directory, 'all', 'echo "credentials not found in native keychain"; exit 1')
  assert.deepEqual(await credentialsFor(env, 'other'), { serveraddress: 'other' })
  helper(directory, 'all', 'echo nonsense')
  await assert.rejects(credentialsFor(env, 'other'), /docker-credential-all answered no valid JSON/)
})
