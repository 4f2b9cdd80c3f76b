// The API over TLS with the stock CLI: who is let in, and streams that are taken over.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { Authority, type Credentials } from '../kit/certificates.ts'
import { run } from '../kit/command.ts'
import type { Engine } from '../kit/engine.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { Terminal } from '../kit/terminal.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }
const address = 'tcp://127.0.0.1:2376'

test('TLS with client certificates', gantrydOnly, async suite => {
  await using place = temporaryDirectory('tls')
  const authority = await Authority.create(join(place.path, 'ca'))
  const server = await authority.sign('server', 'serverAuth')
  const client = await authority.sign('client', 'clientAuth')
  const stranger = await (await Authority.create(join(place.path, 'other'))).sign('stranger', 'clientAuth')
  const flags = [
    '--host=tcp://127.0.0.1',
    '--tlsverify',
    `--tlscacert=${server.ca}`,
    `--tlscert=${server.certificate}`,
    `--tlskey=${server.key}`,
  ]
  await using engine = await startGantrydWithBusybox({ flags })
  const env = { ...engine.environment, DOCKER_HOST: address }
  const withFiles = ({ certificate, key }: Credentials) => [
    '--tlsverify',
    `--tlscacert=${client.ca}`,
    `--tlscert=${certificate}`,
    `--tlskey=${key}`,
  ]
  const docker = (args: readonly string[], stdin?: string) => {
    const argv = engine.namespace.enter(['docker', ...withFiles(client), ...args])
    return run(argv, { env, ...(stdin !== undefined && { stdin }) })
  }

  await suite.test('a client whose certificate the authority signed is served', async () => {
    const { stdout, stderr } = await docker(['version', '--format', '{{.Server.Os}}'])
    assert.equal(stdout, 'linux\n', stderr)
    const variables = { ...env, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: client.directory }
    const byVariables = await run(engine.namespace.enter(['docker', 'ps', '--quiet']), { env: variables })
    assert.equal(byVariables.code, 0, byVariables.stderr)
  })

  await suite.test('one without a certificate, with another authority’s or without TLS is not', async () => {
    const attempts = [['--tls', `--tlscacert=${client.ca}`, '--tlsverify'], withFiles(stranger), withFiles(server), []]
    for (const args of attempts) {
      const { code, stdout } = await run(engine.namespace.enter(['docker', ...args, 'ps']), { env })
      assert.notEqual(code, 0, `docker ${args.join(' ')} ps printed ${stdout}`)
    }
  })

  await suite.test('only TLS 1.2 and newer is spoken', async () => {
    assert.match((await connect(engine, client, '-tls1_1')).stdout, /Cipher is \(NONE\)/)
    assert.match((await connect(engine, client, '-tls1_2')).stdout, /Protocol *: TLSv1\.2/)
  })

  await suite.test('the end of input reaches the process, and all of its output the client', async () => {
    const piped = await docker(['run', '--rm', '-i', 'busybox', 'cat'], 'over TLS\n')
    assert.deepEqual(piped, { code: 0, stdout: 'over TLS\n', stderr: '' })
    await docker(['run', '-d', '--name', 'c1', 'busybox', 'sleep', '300'])
    const large = 'x'.repeat(3_000_000)
    const count = await docker(['exec', '-i', 'c1', 'wc', '-c'], large)
    assert.equal(count.stdout.trim(), String(large.length))
    const echoed = await docker(['exec', '-i', 'c1', 'cat'], large)
    assert.equal(echoed.stdout, large)
    await docker(['rm', '-f', 'c1'])
  })

  await suite.test('gantry speaks it too, with docker’s flags and variables', async () => {
    const variables = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: client.directory }
    const piped = await gantry(engine, ['run', '--rm', '-i', 'busybox', 'cat'], variables, 'by gantry\n')
    assert.deepEqual(piped, { code: 0, stdout: 'by gantry\n', stderr: '' })
    assert.equal((await gantry(engine, [...withFiles(client), 'ps', '--quiet'], {})).code, 0)
    assert.notEqual((await gantry(engine, [...withFiles(stranger), 'ps'], {})).code, 0)
    const wrongAuthority = { ...variables, DOCKER_CERT_PATH: stranger.directory }
    assert.match((await gantry(engine, ['ps'], wrongAuthority)).stderr, /certificate/)
    const missing = await gantry(engine, ['--tlsverify', '--tlscacert=/missing', 'ps'], {})
    assert.match(missing.stderr, /ENOENT.*\/missing/)
  })

  await suite.test('a terminal', async () => {
    const argv = ['nsenter', `--net=/proc/${engine.namespace.pid}/ns/net`, '--', 'docker', ...withFiles(client)]
    await using terminal = new Terminal([...argv, 'run', '--rm', '-it', 'busybox', 'sh'], { env })
    await terminal.prints(/# /)
    terminal.write('echo a$((20+3))b\n')
    await terminal.prints(/a23b/)
    terminal.write('\u0004')
    assert.equal((await terminal.finish()).code, 0)
  })
})

function connect({ namespace }: Engine, client: Credentials, version: string) {
  const files = ['-CAfile', client.ca, '-cert', client.certificate, '-key', client.key]
  // What the machine's own policy allows is not the question.
  const argv = ['openssl', 's_client', '-connect', '127.0.0.1:2376', version, '-cipher', 'ALL:@SECLEVEL=0', ...files]
  return run(namespace.enter(argv))
}

function gantry({ namespace, environment }: Engine, args: readonly string[], more: object, stdin = '') {
  const argv = namespace.enter([join(import.meta.dirname, '../../bin/gantry'), ...args])
  return run(argv, { env: { ...environment, GANTRY_HOST: 'tcp://127.0.0.1', ...more }, stdin })
}
