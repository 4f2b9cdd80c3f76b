// Logging in by the stock CLI to a registry with users, and what one may do there then.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'

import { Authority } from '../kit/certificates.ts'
import { TestRegistry } from '../kit/registry.ts'
import { startEngine } from './engine.ts'

const rights = {
  users: { writer: hashSync('write: it', 4), reader: hashSync('read', 4) },
  access: [
    { repository: 'team/**', users: ['writer'], allow: ['read', 'write', 'delete'] },
    { repository: 'team/**', users: ['reader'], allow: ['read'] },
    { repository: 'public/**', anonymous: true, allow: ['read'] },
    { repository: 'public/**', users: ['writer'], allow: ['read', 'write'] },
  ],
}

test('a registry with users', async suite => {
  await using engine = await startEngine()
  const authority = await Authority.create(join(engine.directory, 'authority'))
  const server = await authority.sign('server', 'serverAuth')
  const file = join(engine.directory, 'registry.yaml')
  writeFileSync(file, JSON.stringify({ ...rights, tls: { certificate: server.certificate, key: server.key } }))
  await using registry = await TestRegistry.start(engine.namespace, ['--config', file])
  const { host } = registry
  const homes = ['writer', 'reader', 'nobody'].map(name => join(engine.directory, name))
  for (const home of homes) mkdirSync(home)
  const [writer = '', reader = '', nobody = ''] = homes
  const docker = (home: string, args: string[], stdin?: string) =>
    engine.docker(['--config', home, ...args], stdin === undefined ? {} : { stdin })
  const said = async (home: string, ...args: string[]) => {
    const { code, stdout, stderr } = await docker(home, args)
    return `${code} ${stdout}${stderr}`
  }
  const logIn = (home: string, name: string, password: string) =>
    docker(home, ['login', '-u', name, '--password-stdin', host], password)

  await suite.test('wrong passwords are refused, right ones give a token in place of the password', async () => {
    const wrong = await logIn(writer, 'writer', 'wrong')
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /unauthorized/)
    const { code, stdout } = await logIn(writer, 'writer', 'write: it')
    assert.deepEqual([code, /Login Succeeded/.test(stdout)], [0, true])
    const { auths } = JSON.parse(readFileSync(join(writer, 'config.json'), 'utf8')) as {
      auths: Record<string, { auth: string; identitytoken?: string }>
    }
    assert.ok(auths[host]?.identitytoken)
    assert.equal(Buffer.from(auths[host].auth, 'base64').toString(), 'writer:')
    assert.equal((await logIn(reader, 'reader', 'read')).code, 0)
  })

  await suite.test('who may write pushes; who may not is denied, and cannot see what is there', async () => {
    for (const name of ['team/image:1', 'public/image:1', 'elsewhere/image:1'])
      await engine.ok(['tag', 'busybox', `${host}/${name}`])
    assert.match(await said(writer, 'push', `${host}/team/image:1`), /^0 [^]*1: digest: /)
    assert.match(await said(writer, 'push', `${host}/public/image:1`), /^0 /)
    assert.match(await said(writer, 'push', `${host}/elsewhere/image:1`), /^1 [^]*denied/)
    assert.match(await said(reader, 'push', `${host}/team/image:1`), /^1 [^]*denied/)
    assert.match(await said(nobody, 'push', `${host}/public/image:1`), /^1 [^]*(unauthorized|authentication required)/)
    for (const repository of ['elsewhere/image', 'nothing/at-all']) {
      assert.match(await said(reader, 'pull', `${host}/${repository}:1`), /^1 [^]*pull access denied for /)
    }
  })

  await suite.test('who may read pulls, and everyone what is public', async () => {
    const names = ['team/image:1', 'public/image:1'].map(name => `${host}/${name}`)
    await engine.ok(['rmi', ...names])
    assert.match(await said(nobody, 'pull', `${host}/team/image:1`), /^1 /)
    assert.match(await said(nobody, 'pull', `${host}/public/image:1`), /^0 /)
    assert.match(await said(reader, 'pull', `${host}/team/image:1`), /^0 /)
  })

  await suite.test('after logging out one is nobody', async () => {
    assert.match(await said(reader, 'logout', host), /^0 /)
    assert.match(await said(reader, 'pull', `${host}/team/image:1`), /^1 /)
  })
})
