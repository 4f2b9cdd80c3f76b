// Real servers in containers answer through published ports, under load.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { run } from '../kit/command.ts'
import type { Engine } from '../kit/engine.ts'
import { debianImage } from '../kit/images.ts'
import { lanPeer } from '../kit/netns.ts'
import { until } from '../kit/until.ts'
import { startEngine } from './engine.ts'

const loader = join(import.meta.dirname, '../kit/load.ts')

async function assertServesUnderLoad(engine: Engine, url: string): Promise<void> {
  await until(async () => (await engine.run([process.execPath, loader, url, '1', '1'])).stdout.includes('"ok":1'))
  const { stdout } = await engine.run([process.execPath, loader, url, '2000', '16'])
  const { ok, failed, bytes } = JSON.parse(stdout)
  assert.deepEqual({ ok, failed }, { ok: 2000, failed: 0 })
  assert.ok(bytes > 2000, `${bytes} bytes`)
}

test('servers of a Debian image', async suite => {
  await using engine = await startEngine(debianImage())

  await suite.test('nginx, from loopback, from the bridge and from another host', async () => {
    await engine.ok(['run', '-d', '--name', 'nginx', '-p', '8080:80', 'debian', 'nginx', '-g', 'daemon off;'])
    await assertServesUnderLoad(engine, 'http://127.0.0.1:8080/')
    await assertServesUnderLoad(engine, 'http://[::1]:8080/')
    await using peer = await lanPeer(engine.namespace)
    const fetch = peer.enter([process.execPath, loader, `http://${peer.hostAddress}:8080/`, '200', '4'])
    assert.match((await run(fetch)).stdout, /"ok":200,"failed":0/)
    await engine.ok(['stop', 'nginx'])
    assert.equal(await engine.ok(['inspect', 'nginx', '--format', '{{.State.ExitCode}}']), '0')
  })

  await suite.test('redis, with its own benchmark', async () => {
    const serve = ['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '']
    await engine.ok(['run', '-d', '--name', 'redis', '-p', '6379:6379', 'debian', ...serve])
    const client = (...args: string[]) => engine.docker(['run', '--rm', '--network', 'host', 'debian', ...args])
    await until(async () => (await client('redis-cli', 'ping')).stdout === 'PONG\n')
    const { code, stdout } = await client('redis-benchmark', '-n', '5000', '-c', '20', '-t', 'set,get', '--csv')
    assert.equal(code, 0)
    assert.match(stdout, /"SET".*\n"GET"/)
    assert.equal((await client('redis-cli', 'dbsize')).code, 0)
  })

  await suite.test('python', async () => {
    const serve = ['python3', '-m', 'http.server', '8000', '--directory', '/etc']
    await engine.ok(['run', '-d', '--name', 'python', '-p', '127.0.0.1:8000:8000', 'debian', ...serve])
    await assertServesUnderLoad(engine, 'http://127.0.0.1:8000/debian_version')
  })
})
