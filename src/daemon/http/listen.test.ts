// Listeners other than plain unix sockets, and addresses that cannot be bound.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { silentLog } from '../../lib/log.ts'
import { bindListener } from './listen.ts'
import { pingHandlers } from './ping.ts'
import { ApiServer } from './server.ts'

const dir = mkdtempSync(join(tmpdir(), 'listen-'))
after(() => rmSync(dir, { recursive: true }))

const options = { tls: undefined, accept: () => {}, log: silentLog }

test('a group is looked up by name or number, and required only if it was asked for', async () => {
  const path = join(dir, 'group.sock')
  const bind = (group: string, groupRequired: boolean) =>
    bindListener({ kind: 'unix', path, group, groupRequired }, options)
  for (const [group, gid] of [
    ['daemon', 1],
    ['1', 1],
    ['no-such-group', 0],
  ] as const) {
    const server = await bind(group, false)
    assert.equal(statSync(path).gid, gid)
    server.close()
  }
  await assert.rejects(bind('no-such-group', true), { kind: 'system', message: /group no-such-group not found/ })
})

test('an address that is taken, and a path that is too long, are errors that name them', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => other.once('listening', resolve))
  const { port } = other.address() as AddressInfo
  const taken = bindListener({ kind: 'tcp', host: '127.0.0.1', port }, options)
  await assert.rejects(taken, { message: new RegExp(`^failed to listen on tcp://127.0.0.1:${port}: .*EADDRINUSE`) })
  other.close()
  const path = join(dir, 'x'.repeat(120))
  const long = bindListener({ kind: 'unix', path, group: '', groupRequired: false }, options)
  await assert.rejects(long, /the path is longer than 107 bytes/)
})

function makeCertificate(name: string) {
  const [key, cert] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '1']
  const form = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...subject]
  execFileSync('openssl', [...form, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key, cert }
}

test('with TLS, only clients with a certificate that the CA signed are served', async () => {
  const { key, cert } = makeCertificate('both')
  const stranger = makeCertificate('stranger')
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => probe.once('listening', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise(resolve => probe.close(resolve))
  await using server = new ApiServer({ handlers: pingHandlers, log: silentLog, version: '0' })
  await server.listen({ kind: 'tcp', host: '127.0.0.1', port }, { certificate: cert, key, ca: cert })
  const ping = async (files?: { key: string; cert: string }) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const credentials = files && { key: readFileSync(files.key), cert: readFileSync(files.cert) }
    const target = {
      host: '127.0.0.1',
      port,
      path: '/_ping',
      ca: readFileSync(cert),
      servername: 'localhost',
      agent: false,
    }
    request({ ...target, ...credentials } as const, response => text(response).then(resolve, reject))
      .on('error', reject)
      .end()
    return promise
  }
  assert.equal(await ping({ key, cert }), 'OK')
  await assert.rejects(ping(stranger))
  await assert.rejects(ping())
})
