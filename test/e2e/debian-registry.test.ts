// Logging in by the stock CLI to a registry with TLS that asks for a password: Debian's, so that it is not one of our own making.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { Authority } from '../kit/certificates.ts'
import { Command, output } from '../kit/command.ts'
import { until } from '../kit/until.ts'
import { startGantrydWithBusybox } from './engine.ts'

const host = '127.0.0.1:5000'
const nobody = /: no basic auth credentials\n$/

test('a registry that asks for a password', async suite => {
  await using engine = await startGantrydWithBusybox()
  const [users, configuration] = [join(engine.scratch, 'users'), join(engine.scratch, 'registry.yml')]
  writeFileSync(users, await output(['htpasswd', '-Bbn', 'user', 'secret']))
  const storage = { filesystem: { rootdirectory: join(engine.scratch, 'registry') }, delete: { enabled: true } }
  const authority = await Authority.create(join(engine.directory, 'authority'))
  const { certificate, key } = await authority.sign('server', 'serverAuth')
  const http = { addr: host, tls: { certificate, key } }
  const auth = { htpasswd: { realm: 'test', path: users } }
  writeFileSync(configuration, JSON.stringify({ version: '0.1', storage, http, auth }))
  await using server = new Command(engine.namespace.enter(['docker-registry', 'serve', configuration]))
  await until(() => /listening on/.test(server.stderr) || !server.running, { what: () => server.stderr })
  const name = `${host}/a/busybox:1`
  await engine.ok(['tag', 'busybox', name])
  const said = async (...args: string[]) => (await engine.docker(args)).stderr
  const login = (password: string) =>
    engine.docker(['login', '-u', 'user', '--password-stdin', host], { stdin: password })

  await suite.test('who is not logged in is told so, and asked for nothing', async () => {
    assert.match(await said('push', name), nobody)
    assert.match(await said('pull', name), nobody)
  })

  await suite.test('a wrong password is refused, the right one lets in', async () => {
    const wrong = await login('wrong')
    assert.equal(wrong.code, 1)
    assert.match(
      wrong.stderr,
      /login attempt to https:\/\/127\.0\.0\.1:5000\/v2\/ failed with status: 401 Unauthorized\n/,
    )
    const right = await login('secret')
    assert.match(right.stdout, /^Login Succeeded\n/m)
    assert.match(await engine.ok(['push', name]), /1: digest: sha256:/)
    await engine.ok(['rmi', name])
    assert.match(await engine.ok(['pull', name]), /Status: Downloaded newer image/)
    assert.equal(await engine.ok(['run', '--rm', name, 'echo', 'hello']), 'hello')
    assert.match(
      await said('pull', `${host}/a/busybox:2`),
      /manifest for .*:2 not found: manifest unknown: manifest unknown/,
    )
  })

  await suite.test('what a registry has under a name is told without pulling it', async () => {
    const credentials = Buffer.from(JSON.stringify({ username: 'user', password: 'secret' })).toString('base64url')
    const ask = async (image: string, ...flags: string[]) => {
      const url = `http://d/v1.47/distribution/${image}/json`
      const curl = ['curl', '--silent', '--unix-socket', engine.socket, '--write-out', '\n%{http_code}', ...flags, url]
      const [body = '', status = ''] = (await engine.run(curl)).stdout.trim().split(/\n(?=\d+$)/)
      return [Number(status), JSON.parse(body) as unknown] as const
    }
    const authorized = (image: string) => ask(image, '--header', `X-Registry-Auth: ${credentials}`)
    const [digest] = JSON.parse(await engine.ok(['image', 'inspect', '-f', '{{json .RepoDigests}}', name])) as string[]
    const [status, found] = await authorized(name)
    assert.equal(status, 200)
    const { Descriptor, Platforms } = found as { Descriptor: { digest: string; size: number }; Platforms: unknown }
    assert.equal(`${host}/a/busybox@${Descriptor.digest}`, digest)
    assert.ok(Descriptor.size > 0)
    assert.deepEqual(Platforms, [{ architecture: 'amd64', os: 'linux' }])
    assert.deepEqual(await authorized(digest ?? ''), [200, found])
    assert.deepEqual(await authorized(`${host}/a/busybox`), [404, { message: 'manifest unknown: manifest unknown' }])
    const without = { message: `Get "https://${host}/v2/a/busybox/manifests/1": no basic auth credentials` }
    assert.deepEqual(await ask(name), [500, without])
    assert.deepEqual(await ask(name, '--header', 'X-Registry-Auth: %%%'), [500, without])
    assert.deepEqual(await ask(`sha256:${'a'.repeat(64)}`), [500, { message: 'no manifest found for full image ID' }])
    assert.equal((await ask('AA'))[0], 400)
  })

  await suite.test('logging out', async () => {
    await engine.ok(['logout', host])
    assert.match(await said('pull', name), nobody)
  })
})
