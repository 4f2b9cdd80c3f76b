// Who a registry lets in, and who learns the credentials for it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseChallenges } from './challenge.ts'
import { Registries } from './registries.ts'
import type { Credentials } from './remote.ts'
import { type Behaviour, answer, openRepository, plainSettings, refuse, serve } from './testing.ts'
import { answerChallenges } from './tokens.ts'
import { Transport } from './transport.ts'

const credentials: Credentials = { username: 'user', password: 'pass:word' }
const basic = `Basic ${Buffer.from('user:pass:word').toString('base64')}`
const manifest = { schemaVersion: 2, manifests: [] }

/** A registry that lets in who sends one of `accepted`, and says `challenge` to others. */
const guarded =
  (challenge: () => string, accepted: readonly string[]): Behaviour =>
  (request, response, { pathname }) => {
    if (!accepted.includes(request.headers.authorization ?? '')) {
      refuse(response, 401, 'UNAUTHORIZED', { 'www-authenticate': challenge() })
    } else if (pathname === '/v2/') answer(response, 200, {})
    else answer(response, 200, manifest)
  }

/** An authorization service that gives tokens called token1, token2 … and records what it is asked. */
async function tokenService(more: Record<string, unknown> = {}) {
  let count = 0
  const forms: string[] = []
  const server = await serve((request, response) => {
    let form = ''
    request.on('data', chunk => (form += String(chunk)))
    request.on('end', () => {
      forms.push(form)
      answer(response, 200, { token: `token${++count}`, ...more })
    })
  })
  return { server, forms, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

test('Basic: name and password, or an error that clients know', async () => {
  await using registry = await serve(guarded(() => 'Basic realm="x"', [basic]))
  await using opened = openRepository(`${registry.host}/a/b`, { credentials })
  await opened.repository.manifest('1')
  await using anonymous = openRepository(`${registry.host}/a/b`)
  await assert.rejects(anonymous.repository.manifest('1'), {
    kind: 'unauthorized',
    message: `Get "${registry.url}/v2/a/b/manifests/1": no basic auth credentials`,
  })
  await using wrong = openRepository(`${registry.host}/a/b`, { credentials: { username: 'user', password: 'x' } })
  await assert.rejects(wrong.repository.manifest('1'), { message: 'unauthorized: unauthorized', status: 401 })
})

test('Bearer: a token for what is going to be done, asked for once', async () => {
  await using service = await tokenService({ expires_in: 3600 })
  const challenge = () => `Bearer realm="${service.server.url}/token?x=1",service="the registry"`
  await using registry = await serve(guarded(challenge, ['Bearer token1']))
  await using opened = openRepository(`${registry.host}/a/b`, { credentials, actions: 'pull,push' })
  await Promise.all(['1', '2', '3'].map(tag => opened.repository.manifest(tag)))
  assert.equal(service.server.asked.length, 1)
  const { url = '', headers } = service.server.asked[0] ?? {}
  const asked = new URL(url, service.server.url)
  assert.deepEqual(Object.fromEntries(asked.searchParams), {
    x: '1',
    service: 'the registry',
    scope: 'repository:a/b:pull,push',
    account: 'user',
  })
  assert.equal(headers?.authorization, basic)
  assert.ok(registry.asked.every(request => request.headers.authorization !== basic))
})

test('without credentials there is a token too; one that is refused is replaced once', async () => {
  await using service = await tokenService()
  const challenge = () => `Bearer realm="${service.server.url}/",scope="repository:a/b:pull"`
  await using registry = await serve(guarded(challenge, ['Bearer token2']))
  await using opened = openRepository(`${registry.host}/a/b`)
  await opened.repository.manifest('1')
  assert.deepEqual(
    service.server.asked.map(({ headers, url }) => [headers.authorization, url]),
    [
      [undefined, '/?scope=repository%3Aa%2Fb%3Apull'],
      [undefined, '/?scope=repository%3Aa%2Fb%3Apull'],
    ],
  )
  await using never = await serve(guarded(challenge, []))
  await using again = openRepository(`${never.host}/a/b`)
  await assert.rejects(again.repository.manifest('1'), { code: 'UNAUTHORIZED' })
  assert.equal(service.server.asked.length, 4)
})

test('an identity token is posted, and a registry token sent as it is', async () => {
  await using service = await tokenService()
  const challenge = () => `Bearer realm="${service.server.url}/",service="s"`
  await using registry = await serve(guarded(challenge, ['Bearer token1', 'Bearer given']))
  const identity = { username: '<token>', identityToken: 'refresh me' }
  await using opened = openRepository(`${registry.host}/a/b`, { credentials: identity })
  await opened.repository.manifest('1')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(service.forms[0])), {
    grant_type: 'refresh_token',
    service: 's',
    client_id: 'docker',
    refresh_token: 'refresh me',
    scope: 'repository:a/b:pull',
  })
  await using direct = openRepository(`${registry.host}/a/b`, { credentials: { registryToken: 'given' } })
  await direct.repository.manifest('1')
  assert.equal(service.forms.length, 1)
})

test('logging in: what the registry says, and the token that stands for the password', async context => {
  const registries = new Registries(plainSettings)
  context.after(() => registries[Symbol.asyncDispose]())
  const login = (serverAddress: string, password = 'pass:word') =>
    registries.login({ username: 'user', password, serverAddress })
  await using plain = await serve(guarded(() => 'Basic realm="x"', [basic]))
  assert.deepEqual(await login(plain.host), { identityToken: '' })
  assert.deepEqual(await login(`${plain.url}/v2/`), { identityToken: '' })
  await assert.rejects(login(plain.host, 'wrong'), {
    kind: 'unauthorized',
    message: `login attempt to ${plain.url}/v2/ failed with status: 401 Unauthorized`,
  })
  await using service = await tokenService({ refresh_token: 'refresh' })
  await using bearer = await serve(guarded(() => `Bearer realm="${service.server.url}/"`, ['Bearer token1']))
  assert.deepEqual(await login(bearer.host), { identityToken: 'refresh' })
  assert.equal(service.server.asked[0]?.url, '/?offline_token=true&client_id=docker&account=user')
  await using strict = await serve((_, response) =>
    answer(response, 401, { details: 'incorrect username or password' }),
  )
  await using refusing = await serve(guarded(() => `Bearer realm="${strict.url}/"`, []))
  await assert.rejects(login(refusing.host), {
    kind: 'unauthorized',
    message: `Get "${refusing.url}/v2/": unauthorized: incorrect username or password`,
  })
  await using none = await serve((_, response) => answer(response, 404, {}))
  await assert.rejects(login(none.host), /failed with status: 404 Not Found$/)
  await assert.rejects(login('http://a b/'), /invalid registry address/)
  await assert.rejects(login('127.0.0.1:1'), /dial tcp 127\.0\.0\.1:1: connect: connection refused$/)
})

test('credentials go to no service without encryption, and along with no redirect', async context => {
  const transport = new Transport(plainSettings)
  context.after(() => transport.close())
  await using foreign = await serve((_, response) => answer(response, 200, { token: 'x' }))
  await using redirecting = await serve((_, response) => response.writeHead(307, { location: foreign.url }).end())
  const ask = (realm: string, secure: boolean, own = credentials) =>
    answerChallenges(transport, parseChallenges(`Bearer realm="${realm}"`), {
      endpoint: { origin: 'https://registry.example', host: 'registry.example', secure, isMirror: false },
      credentials: own,
      scopes: [],
    })
  await assert.rejects(ask(foreign.url, true), /without encryption, .*: it gets no credentials$/)
  assert.equal(foreign.asked.length, 0)
  await ask(redirecting.url, false)
  assert.equal(foreign.asked[0]?.headers.authorization, undefined)
  await assert.rejects(ask(redirecting.url, false, { identityToken: 'x' }), /307/)
  assert.equal(foreign.asked.length, 1)
  await assert.rejects(ask('ftp://x', false), /names no valid authorization service/)
  await assert.rejects(ask('', false), /names no valid authorization service/)
})

test('what is no token is none', async context => {
  const transport = new Transport(plainSettings)
  context.after(() => transport.close())
  for (const body of [{}, { token: 1 }, { token: 'a\r\nx: y' }, [], 'text', null]) {
    await using service = await serve((_, response) => answer(response, 200, body))
    const request = {
      endpoint: { origin: service.url, host: service.host, secure: false, isMirror: false },
      credentials: undefined,
      scopes: [],
    }
    await assert.rejects(
      answerChallenges(transport, parseChallenges(`Bearer realm="${service.url}"`), request),
      /did not include a token in the response$/,
    )
  }
})
