// Requests: where redirects and proxies lead, which certificates count, and servers that never come to an end.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Authority, type Credentials } from '../../test/kit/certificates.ts'
import type { RegistrySettings } from './endpoints.ts'
import { answer, plainSettings, serve } from './testing.ts'
import { type Outgoing, Transport, readText } from './transport.ts'

const secret = 'Basic c2VjcmV0'

function temporary(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'transport-'))
  context.after(() => rmSync(directory, { recursive: true }))
  return directory
}

function transportFor(context: TestContext, settings: Partial<RegistrySettings> = {}) {
  const transport = new Transport({ ...plainSettings, ...settings })
  context.after(() => transport.close())
  const get = async (url: string, { secure = true, ...more }: Partial<Outgoing> & { secure?: boolean } = {}) => {
    const outgoing = { method: 'GET', url, authorization: secret, ...more } as const
    const answered = await transport.request({ host: new URL(url).host, secure }, outgoing)
    return [answered.status, await readText(answered)] as const
  }
  return { transport, get }
}

const tlsOf = ({ certificate, key }: Credentials) => ({ cert: readFileSync(certificate), key: readFileSync(key) })

test('redirects are followed without authorization, which does not come back either', async context => {
  const { get } = transportFor(context)
  await using foreign = await serve((_, response, { pathname }) =>
    pathname === '/back' ? response.writeHead(307, { location: `${own.url}/end` }).end() : answer(response, 200, {}),
  )
  await using own = await serve((_, response, { pathname }) => {
    const places: Record<string, string> = { '/away': `${foreign.url}/x?signature=1`, '/there': `${foreign.url}/back` }
    const location = places[pathname] ?? (pathname === '/here' ? '/end' : undefined)
    if (location === undefined) answer(response, 200, {})
    else response.writeHead(307, { location }).end('to be ignored')
  })
  await get(`${own.url}/here`)
  assert.deepEqual(
    own.asked.map(({ headers }) => headers.authorization),
    [secret, secret],
  )
  await get(`${own.url}/away`, { headers: { range: 'bytes=5-' } })
  assert.equal(foreign.asked[0]?.headers.range, 'bytes=5-')
  await get(`${own.url}/there`)
  assert.equal(own.asked.at(-1)?.url, '/end')
  assert.equal(own.asked.at(-1)?.headers.authorization, undefined)
  for (const { headers } of foreign.asked) assert.equal(headers.authorization, undefined)
})

test('redirects have an end, and lead nowhere else than to web servers', async context => {
  const { get } = transportFor(context)
  await using server = await serve((_, response, { pathname }) => {
    const location = pathname === '/loop' ? '/loop' : pathname === '/file' ? 'file:///etc/passwd' : 'http://['
    response.writeHead(302, { location }).end()
  })
  await assert.rejects(get(`${server.url}/loop`), /redirects more than 10 times/)
  assert.equal(server.asked.length, 11)
  await assert.rejects(get(`${server.url}/file`), /which is no address of a web server/)
  await assert.rejects(get(`${server.url}/odd`), /which is no address/)
})

test('what has a body is not sent elsewhere', async context => {
  const { get } = transportFor(context)
  await using foreign = await serve((_, response) => answer(response, 200, {}))
  await using own = await serve((_, response) => response.writeHead(307, { location: foreign.url }).end())
  const [status] = await get(own.url, { method: 'POST', body: Buffer.from('refresh_token=secret') })
  assert.equal(status, 307)
  assert.deepEqual(foreign.asked, [])
})

test('certificates: an authority for a host, a client, and whom nobody knows', async context => {
  const directory = temporary(context)
  const authority = await Authority.create(join(directory, 'ca'))
  const [own, client] = [await authority.sign('server', 'serverAuth'), await authority.sign('client', 'clientAuth')]
  const ca = readFileSync(own.ca)
  await using server = await serve(
    (request, response, { pathname }) => {
      const peer = (request.socket as import('node:tls').TLSSocket).getPeerCertificate()
      if (pathname === '/plain') response.writeHead(302, { location: `http://${server.host}/` }).end()
      else answer(response, 200, peer.subject ?? null)
    },
    { ...tlsOf(own), ca, requestCert: true, rejectUnauthorized: false },
  )
  const certificates = join(directory, 'certs.d')
  const { get } = transportFor(context, { certificates: [join(directory, 'none'), certificates] })
  await assert.rejects(
    get(server.url),
    new RegExp(
      `^GantryError: Get "${server.url}/": x509: certificate signed by unknown authority: .*/${server.host}/ca.crt$`,
    ),
  )
  assert.equal((await get(server.url, { secure: false }))[0], 200)
  mkdirSync(join(certificates, server.host), { recursive: true })
  writeFileSync(join(certificates, server.host, 'ca.crt'), ca)
  // From now on, without being told.
  assert.deepEqual(await get(server.url), [200, 'null'])
  await assert.rejects(get(`${server.url}/plain`), /without encryption, which is not followed/)
  writeFileSync(join(certificates, server.host, 'a.cert'), readFileSync(client.certificate))
  await assert.rejects(get(server.url), /missing key a\.key for client certificate a\.cert/)
  writeFileSync(join(certificates, server.host, 'a.key'), readFileSync(own.key))
  await assert.rejects(get(server.url), {
    kind: 'invalid',
    message: /^the certificates for 127\.0\.0\.1:\d+ can't be used: .*key values mismatch/,
  })
  writeFileSync(join(certificates, server.host, 'a.key'), readFileSync(client.key))
  assert.match((await get(server.url))[1], /"CN":"client"/)
})

test('a service that a registry names may have the same authority, but sees no client certificate', async context => {
  const directory = temporary(context)
  const authority = await Authority.create(join(directory, 'ca'))
  const [own, client] = [await authority.sign('server', 'serverAuth'), await authority.sign('client', 'clientAuth')]
  await using service = await serve(
    (request, response) =>
      answer(response, 200, (request.socket as import('node:tls').TLSSocket).getPeerCertificate().subject ?? null),
    { ...tlsOf(own), requestCert: true, rejectUnauthorized: false },
  )
  const files = { 'ca.crt': own.ca, 'a.cert': client.certificate, 'a.key': client.key }
  mkdirSync(join(directory, 'registry.example'))
  for (const [name, from] of Object.entries(files))
    writeFileSync(join(directory, 'registry.example', name), readFileSync(from))
  const { transport } = transportFor(context, { certificates: [directory] })
  const endpoint = { host: 'registry.example', secure: true }
  const answered = await transport.request(endpoint, { method: 'GET', url: service.url })
  assert.equal(await readText(answered), 'null')
})

test('who does not answer as expected is said in words that clients know', async context => {
  const { get } = transportFor(context)
  await using plain = await serve((_, response) => answer(response, 200, {}))
  await assert.rejects(get(`https://${plain.host}/`), /: http: server gave HTTP response to HTTPS client$/)
  await assert.rejects(
    get('http://127.0.0.1:1/v2/'),
    /^GantryError: Get "http:\/\/127\.0\.0\.1:1\/v2\/": dial tcp 127\.0\.0\.1:1: connect: connection refused$/,
  )
  await assert.rejects(get('http://nowhere.invalid/'), /: dial tcp: lookup nowhere\.invalid: /)
  await using rude = await serve(request => request.socket.destroy())
  await assert.rejects(get(rude.url), /: (?:EOF|read: connection reset by peer)$/)
})

test('answers are bounded: headers, texts, and the connections of a hostile redirect', async context => {
  const { get, transport } = transportFor(context)
  let sent = 0
  await using server = await serve((_, response, { pathname }) => {
    if (pathname === '/headers') return void response.writeHead(200, { 'x-long': 'x'.repeat(1 << 20) }).end()
    const chunk = Buffer.alloc(1 << 20)
    const more = () => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length
    }
    response.on('drain', more).writeHead(200)
    more()
  })
  await assert.rejects(get(`${server.url}/headers`), /Headers Overflow/i)
  await assert.rejects(get(`${server.url}/endless`), /has more than 16777216 bytes/)
  assert.ok(sent < 64 << 20, String(sent))
  // Whatever is wrong with the body of a redirect does not matter.
  await using away = await serve((_, response) => {
    response.writeHead(302, { location: `${small.url}/` })
    response.write('x')
  })
  await using small = await serve((_, response) => answer(response, 200, {}))
  assert.equal(
    (await transport.request({ host: away.host, secure: true }, { method: 'GET', url: away.url })).status,
    200,
  )
})

test('an aborted request ends with its reason', async context => {
  const { get } = transportFor(context)
  await using silent = await serve(() => {})
  const abort = new AbortController()
  const pending = get(silent.url, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(pending, /^Error: enough$/)
})

test('through a proxy, with its password, HTTP by forwarding and HTTPS by a tunnel', async context => {
  const directory = temporary(context)
  const own = await (await Authority.create(join(directory, 'ca'))).sign('server', 'serverAuth')
  await using origin = await serve((_, response) => answer(response, 200, 'plain'))
  await using encrypted = await serve((_, response) => answer(response, 200, 'encrypted'), tlsOf(own))
  const lines: string[] = []
  // Hosts of the test are names that only the proxy knows.
  const proxy = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', data => {
      const head = data.toString()
      lines.push(`${head.split('\r\n')[0]} ${/proxy-authorization: (.*)/i.exec(head)?.[1] ?? ''}`)
      const port = Number((head.startsWith('CONNECT') ? encrypted : origin).host.split(':')[1])
      const far = connect(port, '127.0.0.1').on('error', () => socket.destroy())
      if (head.startsWith('CONNECT')) socket.write('HTTP/1.1 200 OK\r\n\r\n')
      else far.write(data)
      socket.pipe(far).pipe(socket)
    })
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  context.after(() => proxy.close())
  const url = `http://user:pass@127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const { get } = transportFor(context, { httpProxy: url, httpsProxy: url, noProxy: 'direct.invalid' })
  assert.deepEqual(await get('http://a.invalid/x'), [200, '"plain"'])
  assert.deepEqual(await get('https://b.invalid/y', { secure: false }), [200, '"encrypted"'])
  await assert.rejects(get('https://b.invalid/y'), /x509: certificate/)
  await assert.rejects(get('http://direct.invalid/'), /lookup direct\.invalid/)
  const login = 'Basic dXNlcjpwYXNz'
  assert.deepEqual(lines, [
    `GET http://a.invalid/x HTTP/1.1 ${login}`,
    `CONNECT b.invalid:443 HTTP/1.1 ${login}`,
    `CONNECT b.invalid:443 HTTP/1.1 ${login}`,
  ])
  assert.equal(origin.asked[0]?.headers.authorization, secret)
})
