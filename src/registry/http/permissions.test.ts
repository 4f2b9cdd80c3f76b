// Who may do what: users, repositories and actions, by password and by token.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'
import { networkOf } from '../auth/failures.ts'
import { Gate } from '../auth/gate.ts'
import { Rights, type Rule } from '../auth/rights.ts'
import { Tokens } from '../auth/tokens.ts'
import { Users } from '../auth/users.ts'
import { temporaryDirectory } from '../../content/testing.ts'
import { contentDigestOf } from '../digest.ts'
import { DiskStorage } from '../disk-storage.ts'
import type { RegistryError } from '../errors.ts'
import { type TestRegistry, pushImage, startRegistry } from '../testing.ts'

const names = ['reader', 'writer', 'admin', 'stranger'] as const
const hashes = new Map(names.map(name => [name as string, hashSync(`password of ${name}`, 4)]))
const rule = (more: Partial<Rule>): Rule => ({
  repository: 'private/**',
  users: [],
  groups: [],
  anonymous: false,
  allow: ['pull'],
  ...more,
})
const rules: Rule[] = [
  rule({ repository: 'public/**', anonymous: true }),
  rule({ groups: ['team'] }),
  rule({ users: ['writer'], allow: ['pull', 'push'] }),
  rule({ repository: '**', users: ['admin'], allow: ['pull', 'push', 'delete'] }),
]
const groups = new Map([['team', new Set(['reader', 'writer'])]])

async function gateOf(root: string) {
  // Left to the registry once the key is there.
  await using storage = new DiskStorage(root)
  await storage.prepare()
  const users = new Users(hashes)
  const tokens = await Tokens.open(storage, 'test')
  return {
    users,
    gate: new Gate({ users, rights: new Rights(rules, groups), tokens, service: 'test', url: undefined }),
  }
}

const basic = (name: string, password = `password of ${name}`) =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

interface Granted {
  readonly token: string
  readonly refresh_token?: string
}

async function tokenFor({ url }: TestRegistry, user: string | undefined, ...scopes: string[]): Promise<Granted> {
  const query = new URLSearchParams([['service', 'test'], ...scopes.map(scope => ['scope', scope])])
  const headers = user === undefined ? {} : { authorization: basic(user) }
  const answer = await fetch(`${url}/token?${query}&offline_token=true`, { headers })
  assert.equal(answer.status, 200)
  return (await answer.json()) as Granted
}

/** What each action of a client sends, and what it is answered if it is allowed. */
const requests = {
  pull: [
    ['GET', 'manifests/1', 200],
    ['HEAD', 'manifests/1', 200],
    ['GET', 'tags/list', 200],
    ['GET', `referrers/sha256:${'0'.repeat(64)}`, 200],
    ['GET', `blobs/sha256:${'0'.repeat(64)}`, 404],
  ],
  push: [
    ['POST', 'blobs/uploads/', 202],
    ['PATCH', 'blobs/uploads/00000000-0000-4000-8000-000000000000', 404],
    ['PUT', 'manifests/2', 400],
  ],
  delete: [
    ['DELETE', 'manifests/none', 404],
    ['DELETE', `blobs/sha256:${'0'.repeat(64)}`, 404],
  ],
} as const

const expected: Record<string, Record<string, readonly string[]>> = {
  'public/image': {
    nobody: ['pull'],
    stranger: ['pull'],
    reader: ['pull'],
    writer: ['pull'],
    admin: ['pull', 'push', 'delete'],
  },
  'private/image': {
    nobody: [],
    stranger: [],
    reader: ['pull'],
    writer: ['pull', 'push'],
    admin: ['pull', 'push', 'delete'],
  },
  'other/image': { nobody: [], stranger: [], reader: [], writer: [], admin: ['pull', 'push', 'delete'] },
}

async function filled() {
  const directory = temporaryDirectory()
  await fill(directory.path)
  const { gate, users } = await gateOf(directory.path)
  const guarded = await startRegistry({ root: directory.path, gate })
  return {
    guarded,
    users,
    async [Symbol.asyncDispose]() {
      await guarded[Symbol.asyncDispose]()
      directory[Symbol.dispose]()
    },
  }
}

async function fill(root: string) {
  await using open = await startRegistry({ root })
  for (const repository of Object.keys(expected)) await pushImage(open, repository, '1')
}

test('users, repositories and actions', async suite => {
  await using place = await filled()
  const { guarded: registry } = place
  for (const [repository, users] of Object.entries(expected)) {
    for (const [user, allowed] of Object.entries(users)) {
      for (const way of ['password', 'token'] as const) {
        await suite.test(`${user} in ${repository} by ${way}: ${allowed.join(', ') || 'nothing'}`, async () => {
          const name = user === 'nobody' ? undefined : user
          for (const [action, sent] of Object.entries(requests)) {
            const scope = `repository:${repository}:${action === 'push' ? 'pull,push' : action}`
            const authorization =
              way === 'token' ? `Bearer ${(await tokenFor(registry, name, scope)).token}` : name && basic(name)
            for (const [method, path, status] of sent) {
              const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
              const answer = await registry.request(method, `${repository}/${path}`, { headers })
              const what = `${method} ${path}`
              if (allowed.includes(action)) assert.equal(answer.status, status, what)
              else {
                assert.equal(answer.status, name !== undefined && way === 'password' ? 403 : 401, what)
                const challenge = answer.headers.get('www-authenticate')
                if (answer.status === 401) {
                  const asked = `Bearer realm="${registry.url}/token",service="test",scope="${scope}"`
                  assert.equal(challenge, name === undefined ? asked : `${asked},error="insufficient_scope"`)
                }
              }
              await answer.arrayBuffer()
            }
          }
        })
      }
    }
  }
})

test('what is not there is answered as what one may not see', async () => {
  await using place = await filled()
  for (const headers of [{}, { authorization: basic('stranger') }]) {
    const answers = await Promise.all(
      ['private/image', 'private/nothing'].map(async repository => {
        const answer = await place.guarded.request('GET', `${repository}/manifests/1`, { headers })
        return [answer.status, await answer.text()]
      }),
    )
    assert.deepEqual(answers[0], answers[1])
  }
})

test('a blob is taken over only from where one may read', async () => {
  await using place = await filled()
  const digest = contentDigestOf(Buffer.from('secret'), 'sha256')
  const pushed = await place.guarded.request('POST', `other/image/blobs/uploads/?digest=${digest}`, {
    body: 'secret',
    headers: { authorization: basic('admin') },
  })
  assert.equal(pushed.status, 201)
  const mount = async (user: string) => {
    const path = `private/image/blobs/uploads/?mount=${digest}&from=other/image`
    return (await place.guarded.request('POST', path, { headers: { authorization: basic(user) } })).status
  }
  assert.equal(await mount('writer'), 202)
  assert.equal(await mount('admin'), 201)
  // By token, the other repository has to be in it.
  const scope = 'repository:private/image:pull,push'
  const take = async (...scopes: string[]) => {
    const { token } = await tokenFor(place.guarded, 'admin', ...scopes)
    const path = `private/image/blobs/uploads/?mount=${digest}&from=other/image`
    return (await place.guarded.request('POST', path, { headers: { authorization: `Bearer ${token}` } })).status
  }
  assert.equal(await take(scope), 202)
  assert.equal(await take(scope, 'repository:other/image:pull'), 201)
})

test('the catalog has what one may read', async () => {
  await using place = await filled()
  const catalog = async (authorization: string | undefined) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
    const answer = await place.guarded.request('GET', '_catalog', { headers })
    return answer.status === 200 ? ((await answer.json()) as { repositories: string[] }).repositories : answer.status
  }
  assert.deepEqual(await catalog(basic('reader')), ['private/image', 'public/image'])
  assert.deepEqual(await catalog(basic('admin')), ['other/image', 'private/image', 'public/image'])
  assert.deepEqual(await catalog(undefined), ['public/image'])
  const bearer = async (scope: string) => `Bearer ${(await tokenFor(place.guarded, 'reader', scope)).token}`
  assert.deepEqual(await catalog(await bearer('registry:catalog:*')), ['private/image', 'public/image'])
  assert.equal(await catalog(await bearer('repository:private/image:pull')), 401)
})

test('passwords, tokens and refresh tokens that are wrong, or no longer right', async () => {
  await using place = await filled()
  const { guarded: registry, users } = place
  const ping = async (authorization: string) =>
    (await fetch(`${registry.url}/v2/`, { headers: { authorization } })).status
  assert.equal((await fetch(`${registry.url}/v2/`)).status, 401)
  assert.equal(await ping(basic('reader')), 200)
  for (const wrong of [basic('reader', 'no'), basic('none'), 'Basic !', 'Bearer x.y.z', 'Digest x', 'x']) {
    assert.equal(await ping(wrong), 401, wrong)
  }
  const { token, refresh_token: refreshToken = '' } = await tokenFor(registry, 'reader')
  assert.equal(await ping(`Bearer ${token}`), 200)
  assert.equal(await ping(`Bearer ${refreshToken}`), 401)
  assert.equal(await ping(`Bearer ${token.slice(0, -4)}AAAA`), 401)
  const refresh = async (value: string) => {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: value, service: 'test', scope: '' })
    return (await fetch(`${registry.url}/token`, { method: 'POST', body })).status
  }
  assert.equal(await refresh(refreshToken), 200)
  assert.equal(await refresh(token), 401)
  users.replace(new Map([...hashes, ['reader', hashSync('another', 4)]]))
  assert.equal(await refresh(refreshToken), 401)
  assert.equal(await ping(basic('reader')), 401)
  users.replace(new Map())
  assert.equal(await ping(`Bearer ${token}`), 401)
})

async function codeOf({ url }: TestRegistry, authorization: string | undefined): Promise<string | undefined> {
  const answer = await fetch(`${url}/v2/`, { headers: authorization === undefined ? {} : { authorization } })
  const { errors } = (await answer.json()) as { errors: { code: string }[] }
  return errors[0]?.code
}

test('after many wrong passwords no more are tried for a while', async () => {
  await using place = await filled()
  const ping = async (name: string, password?: string) =>
    (await fetch(`${place.guarded.url}/v2/`, { headers: { authorization: basic(name, password) } })).status
  assert.equal(await ping('admin'), 200)
  for (const name of ['writer', 'admin'])
    for (let count = 0; count < 20; count++) assert.equal(await ping(name, 'no'), 401)
  assert.equal(await ping('writer'), 429)
  assert.equal(await codeOf(place.guarded, basic('writer')), 'TOOMANYREQUESTS')
  assert.equal(await codeOf(place.guarded, basic('stranger', 'no')), 'UNAUTHORIZED')
  assert.equal(await codeOf(place.guarded, undefined), 'UNAUTHORIZED')
  assert.equal(await ping('admin', 'no'), 429)
  assert.equal(await ping('admin'), 200, 'who is known stays in')
  assert.equal(await ping('reader'), 200)
})

test('passwords that are tried all at once are no more than one after the other', async () => {
  using directory = temporaryDirectory()
  const { gate } = await gateOf(directory.path)
  const codes = async (passwords: string[], address: string) => {
    const tried = passwords.map(password => gate.password('reader', password, address))
    const settled = await Promise.allSettled(tried)
    return settled.map(one => (one.status === 'fulfilled' ? one.value : (one.reason as RegistryError).code))
  }
  const wrong = Array.from({ length: 100 }, (_, index) => `wrong ${index}`)
  const answers = await codes(wrong, '192.0.2.1')
  assert.equal(answers.filter(code => code === 'UNAUTHORIZED').length, 20)
  assert.equal(answers.filter(code => code === 'TOOMANYREQUESTS').length, 80)
  const right = 'password of reader'
  assert.deepEqual(await codes([right], '192.0.2.1'), ['TOOMANYREQUESTS'])
  const many = Array.from({ length: 100 }, () => right)
  assert.deepEqual(new Set(await codes(many, '192.0.2.2')), new Set(['reader']), 'from elsewhere, and at once')
})

test('a host with many IPv6 addresses is one', () => {
  assert.equal(networkOf('2001:db8:1:2:3::4'), networkOf('2001:db8:1:2::9'))
  assert.equal(networkOf('2001:db8::1'), networkOf('2001:db8:0:0:ffff:1:2:3'))
  assert.notEqual(networkOf('2001:db8:1:2::9'), networkOf('2001:db8:1:3::9'))
  assert.notEqual(networkOf('::ffff:192.0.2.1'), networkOf('::ffff:192.0.2.2'))
  assert.notEqual(networkOf('192.0.2.1'), networkOf('192.0.2.2'))
})
