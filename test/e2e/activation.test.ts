// Under a service manager: inherited sockets, and what the daemon tells of itself.

import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { Authority } from '../kit/certificates.ts'
import { Command, run } from '../kit/command.ts'
import { docker } from '../kit/engine.ts'
import { startGantryd } from '../kit/gantryd.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }
const python = '/usr/bin/python3'
const kit = (name: string) => join(import.meta.dirname, '../kit', name)

test('sockets that were passed are served: all, by name or by number, unix or TCP', gantrydOnly, async () => {
  await using place = temporaryDirectory('fds')
  const server = await (await Authority.create(join(place.path, 'ca'))).sign('server', 'serverAuth')
  const path = (name: string) => join(place.path, name)
  const passed = [`a=unix:${path('a')}`, `b=unix:${path('b')}`, 'c=tcp:2376', `d=unix:${path('d')}`]
  const tls = ['--tls', `--tlscert=${server.certificate}`, `--tlskey=${server.key}`]
  await using engine = await startGantryd({
    launcher: () => [python, kit('activate.py'), ...passed, '--'],
    flags: ['--host=fd://a', '--host=fd://4', '--host=fd://c', ...tls],
  })
  for (const name of ['a', 'b']) assert.equal((await docker(path(name), ['ps'])).code, 0)
  const files = ['--tlsverify', `--tlscacert=${server.ca}`, `--tlscert=${server.certificate}`, `--tlskey=${server.key}`]
  const overTls = await engine.docker([...files, 'version', '--format', '{{.Server.Os}}'], {
    env: { DOCKER_HOST: 'tcp://127.0.0.1:2376' },
  })
  assert.equal(overTls.stdout, 'linux\n', overTls.stderr)
  assert.doesNotMatch(engine.log, /without encryption/)
})

test('fd:// without sockets is refused', gantrydOnly, async () => {
  await using engine = await startGantryd()
  const argv = engine.argv.map(flag => (flag.startsWith('--host=') ? '--host=fd://' : flag))
  await engine.stop()
  const { code, stderr } = await run(engine.namespace.enter(argv), { timeout: 20_000 })
  assert.equal(code, 1)
  assert.match(stderr, /no sockets found via socket activation: make sure the service was started by systemd/)
  await engine.start()
})

test('the service manager is told what the daemon does, and containers know nothing of it', gantrydOnly, async () => {
  await using place = temporaryDirectory('notify')
  const address = join(place.path, 'notify')
  await using manager = new Command([python, kit('notifications.py'), address])
  await manager.prints(/listening/)
  const watchdog = ['WATCHDOG_USEC=200000', `NOTIFY_SOCKET=${address}`]
  await using engine = await startGantrydWithBusybox({ launcher: () => ['env', ...watchdog] })
  await manager.prints(/READY=1\n(?:.*\n)*?WATCHDOG=1\n(?:.*\n)*?WATCHDOG=1/)
  process.kill(engine.pid, 'SIGHUP')
  await manager.prints(/RELOADING=1 MONOTONIC_USEC=\d+\n(?:.*\n)*?READY=1/)
  for (const runtime of ['crun', 'runc']) {
    const shown = await engine.ok(['run', '--rm', '--runtime', runtime, 'busybox', 'env'])
    assert.doesNotMatch(shown, /NOTIFY|WATCHDOG/)
  }
  await engine.stop()
  await manager.prints(/STOPPING=1\n/)
  // Nobody listens any more: the daemon does its work all the same.
  await manager[Symbol.asyncDispose]()
  rmSync(address)
  await engine.start()
  await until(() => /The service manager cannot be told how the daemon is doing/.test(engine.log))
})

test('the units are what systemd takes, and lets containers outlive the service', async () => {
  await using place = temporaryDirectory('units')
  const units = join(import.meta.dirname, '../../packaging/systemd')
  cpSync(units, place.path, { recursive: true })
  const service = join(place.path, 'gantry.service')
  const text = readFileSync(service, 'utf8')
  const program = join(import.meta.dirname, '../../bin/gantryd')
  writeFileSync(service, text.replace('/opt/gantry/bin/gantryd', program))
  const names = ['gantry.service', 'gantry.socket', 'gantry-docker.socket'].map(name => join(place.path, name))
  const { code, stderr } = await run(['systemd-analyze', 'verify', '--man=no', ...names])
  const own = stderr.split('\n').filter(line => line.includes('gantry'))
  assert.deepEqual({ code, own }, { code: 0, own: [] }, stderr)
  for (const line of ['KillMode=process', 'OOMPolicy=continue', 'Delegate=yes', 'Type=notify']) {
    assert.ok(text.includes(`\n${line}\n`), line)
  }
})
