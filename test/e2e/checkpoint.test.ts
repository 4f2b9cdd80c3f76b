// Checkpoints: processes are written to disk and go on from there, by runc and a real CRIU.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { workingCriu } from '../kit/criu.ts'
import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { call } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantry = join(import.meta.dirname, '../../bin/gantry')
const criu = await workingCriu()
const needsCriu = { skip: onDockerd || (criu.lack ?? false) }
// Runtimes look for it there, and get the daemon's PATH.
if (criu.directory !== undefined) process.env.PATH = `${criu.directory}:${process.env.PATH}`

const startExperimental = () => startGantrydWithBusybox({ flags: ['--experimental', '--default-runtime=runc'] })

/** A container that writes 1, 2, 3, … */
const counter = ['busybox', 'sh', '-c', 'i=0; while :; do echo $((i=i+1)); usleep 10000; done']

async function lastCount(engine: Engine, name: string): Promise<number> {
  return Number(await engine.ok(['logs', '--tail', '1', name]))
}

async function countsOn(engine: Engine, name: string): Promise<void> {
  const before = await lastCount(engine, name)
  await until(async () => (await lastCount(engine, name)) > before + 5)
}

async function assertCounts(engine: Engine, name: string): Promise<void> {
  const lines = (await engine.ok(['logs', name])).split('\n').map(Number)
  assert.deepEqual(
    lines.filter((line, index) => line !== index + 1),
    [],
    'a line is missing or came twice',
  )
}

const status = (engine: Engine, name: string) => engine.ok(['inspect', name, '--format', '{{.State.Status}}'])

async function refused(engine: Engine, ...args: string[]): Promise<string> {
  const { code, stderr } = await engine.docker(args)
  assert.equal(code, 1)
  return stderr.trim().replace('Error response from daemon: ', '')
}

test('a container goes on where its checkpoint was made, whatever became of the daemon', needsCriu, async () => {
  await using engine = await startExperimental()
  await engine.ok(['run', '-d', '--name', 'counter', '--restart', 'unless-stopped', ...counter])
  await until(async () => (await lastCount(engine, 'counter')) > 5)
  await engine.ok(['checkpoint', 'create', 'counter', 'first'])
  const ended = '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}'
  assert.equal(await engine.ok(['inspect', 'counter', '--format', ended]), 'exited 137 0')
  assert.equal(await engine.ok(['checkpoint', 'ls', 'counter']), 'CHECKPOINT NAME\nfirst')
  await engine.kill9()
  await engine.start()
  assert.equal(await status(engine, 'counter'), 'exited')
  await engine.ok(['start', '--checkpoint', 'first', 'counter'])
  await countsOn(engine, 'counter')
  await assertCounts(engine, 'counter')
  await engine.kill9()
  await engine.start()
  await countsOn(engine, 'counter')
  await engine.ok(['checkpoint', 'create', '--leave-running', 'counter', 'second'])
  await countsOn(engine, 'counter')
  await assertCounts(engine, 'counter')
  assert.equal(await engine.ok(['exec', 'counter', 'echo', 'in']), 'in')
  await engine.ok(['checkpoint', 'rm', 'counter', 'first'])
  assert.equal(await engine.ok(['checkpoint', 'ls', 'counter']), 'CHECKPOINT NAME\nsecond')
  const format = ['--filter', 'type=container', '--format', '{{.Action}}']
  const events = await engine.ok(['events', '--since', '0', '--until', String(Date.now() / 1000), ...format])
  const lives = 'start pause die checkpoint start pause unpause checkpoint'
  assert.equal(
    events
      .split('\n')
      .filter(action => !/^(create|exec_)/.test(action))
      .join(' '),
    lives,
  )
})

test('gantry checkpoint and start --checkpoint do what the docker CLI does', needsCriu, async () => {
  await using engine = await startExperimental()
  await engine.ok(['run', '-d', '--name', 'counter', ...counter])
  await until(async () => (await lastCount(engine, 'counter')) > 5)
  const said = async (...args: string[]) => {
    const { code, stdout, stderr } = await engine.run([gantry, ...args])
    return [code, stdout, stderr]
  }
  assert.deepEqual(await said('checkpoint', 'ls', 'counter'), [0, 'CHECKPOINT NAME\n', ''])
  assert.deepEqual(await said('checkpoint', 'create', '--leave-running', 'counter', 'first'), [0, 'first\n', ''])
  await countsOn(engine, 'counter')
  assert.deepEqual(await said('checkpoint', 'create', 'counter', 'second'), [0, 'second\n', ''])
  assert.equal(await status(engine, 'counter'), 'exited')
  assert.deepEqual(await said('checkpoint', 'rm', 'counter', 'first'), [0, '', ''])
  assert.deepEqual(await said('checkpoint', 'ls', 'counter'), [0, 'CHECKPOINT NAME\nsecond\n', ''])
  const several = [1, '', 'you cannot restore multiple containers at once\n']
  assert.deepEqual(await said('start', '--checkpoint', 'second', 'counter', 'other'), several)
  assert.deepEqual(await said('start', '--checkpoint', 'second', 'counter'), [0, '', ''])
  await countsOn(engine, 'counter')
  await assertCounts(engine, 'counter')
})

test('streams go on: a terminal, standard input, and what is in memory', needsCriu, async () => {
  await using engine = await startExperimental()
  await engine.ok(['run', '-dit', '--name', 'shell', 'busybox', 'sh'])
  await using before = engine.terminal(['attach', 'shell'])
  before.write('kept=remembered; echo set-$((1+1))\n')
  await before.prints(/set-2/)
  await engine.ok(['checkpoint', 'create', 'shell', 'c1'])
  await before.finish()
  await engine.ok(['start', '--checkpoint', 'c1', 'shell'])
  await using after = engine.terminal(['attach', 'shell'])
  after.write('echo is-$kept\n')
  await after.prints(/is-remembered/)

  await engine.ok([
    'run',
    '-di',
    '--name',
    'cat',
    '-v',
    'kept:/v',
    '--tmpfs',
    '/t',
    'busybox',
    'sh',
    '-c',
    'echo t >/t/f; echo v >/v/f; exec cat',
  ])
  await engine.ok(['exec', 'cat', 'sh', '-c', 'until [ -s /v/f ]; do usleep 1000; done'])
  await engine.ok(['checkpoint', 'create', 'cat', 'c1'])
  await engine.ok(['start', '--checkpoint', 'c1', 'cat'])
  await using attached = engine.watch(['attach', 'cat'])
  attached.write('hello\n')
  await attached.prints(/^hello$/m)
  assert.equal(await engine.ok(['exec', 'cat', 'cat', '/t/f', '/v/f']), 't\nv')
})

test('the network of a container that goes on is a new one, with its published ports', needsCriu, async () => {
  await using engine = await startExperimental()
  await engine.ok(['run', '-d', '--name', 'web', '-p', '8099:80', 'busybox', 'sleep', '1000'])
  await engine.ok(['checkpoint', 'create', 'web', 'c1'])
  await engine.ok(['start', '--checkpoint', 'c1', 'web'])
  await engine.ok(['exec', '-d', 'web', 'httpd', '-p', '80'])
  const fetch = () => engine.run(['busybox', 'wget', '-qO-', 'http://127.0.0.1:8099/'])
  await until(async () => (await fetch()).stderr.includes('404'))
})

test('a paused container is written too, and stays paused if it is left', needsCriu, async () => {
  await using engine = await startExperimental()
  await engine.ok(['run', '-d', '--name', 'counter', ...counter])
  await until(async () => (await lastCount(engine, 'counter')) > 5)
  await engine.ok(['pause', 'counter'])
  await engine.ok(['checkpoint', 'create', '--leave-running', 'counter', 'c1'])
  assert.equal(await status(engine, 'counter'), 'paused')
  await engine.ok(['unpause', 'counter'])
  await countsOn(engine, 'counter')
  await engine.ok(['pause', 'counter'])
  await engine.ok(['checkpoint', 'create', 'counter', 'c2'])
  assert.equal(await status(engine, 'counter'), 'exited')
  await engine.ok(['start', '--checkpoint', 'c2', 'counter'])
  await countsOn(engine, 'counter')
  await assertCounts(engine, 'counter')
})

test('checkpoints in a directory of the host: what is none is not removed', needsCriu, async () => {
  await using engine = await startExperimental()
  await engine.ok(['run', '-d', '--name', 'counter', ...counter])
  await until(async () => (await lastCount(engine, 'counter')) > 5)
  const directory = join(engine.scratch, 'checkpoints')
  const there = ['--checkpoint-dir', directory]
  await engine.ok(['checkpoint', 'create', ...there, 'counter', 'c1'])
  await engine.ok(['start', ...there, '--checkpoint', 'c1', 'counter'])
  await countsOn(engine, 'counter')
  await assertCounts(engine, 'counter')
  assert.equal(await engine.ok(['checkpoint', 'ls', ...there, 'counter']), 'CHECKPOINT NAME\nc1')
  assert.equal(await engine.ok(['checkpoint', 'ls', 'counter']), 'CHECKPOINT NAME')
  mkdirSync(join(directory, 'other'))
  const other = ['checkpoint', 'rm', ...there, 'counter', 'other']
  assert.equal(await refused(engine, ...other), `${join(directory, 'other')} is not a checkpoint`)
  await engine.ok(['checkpoint', 'rm', ...there, 'counter', 'c1'])
  assert.deepEqual([existsSync(join(directory, 'c1')), existsSync(join(directory, 'other'))], [false, true])
})

test('what cannot be done is said, and leaves the container as it was', needsCriu, async () => {
  await using engine = await startExperimental()
  const id = await engine.ok(['run', '-d', '--name', 'counter', ...counter])
  await until(async () => (await lastCount(engine, 'counter')) > 5)
  const create = (...args: string[]) => refused(engine, 'checkpoint', 'create', ...args)
  assert.equal(
    await create('counter', 'a/b'),
    'Invalid checkpoint ID (a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
  )
  await engine.ok(['checkpoint', 'create', '--leave-running', 'counter', 'c1'])
  const taken = 'cannot checkpoint container counter: checkpoint with name c1 already exists for container counter'
  assert.equal(await create('counter', 'c1'), taken)
  const gone = 'checkpoint c2 does not exist for container counter'
  assert.equal(await refused(engine, 'checkpoint', 'rm', 'counter', 'c2'), gone)
  const elsewhere = await create('--checkpoint-dir', 'relative', 'counter', 'c2')
  assert.equal(elsewhere, 'the checkpoint directory relative is not an absolute path')
  const listens = "until grep -q ':0005 .* 0A ' /proc/net/tcp /proc/net/tcp6; do usleep 1000; done"
  const talks = `sleep 1000 | nc -l -p 5 & ${listens}; sleep 1000 | nc 127.0.0.1 5`
  await engine.ok(['run', '-d', '--name', 'talker', 'busybox', 'sh', '-c', talks])
  const isConnected = () =>
    engine.docker(['exec', 'talker', 'grep', '-q', ':0005 .* 01 ', '/proc/net/tcp', '/proc/net/tcp6'])
  await until(async () => (await isConnected()).code === 0)
  assert.match(await create('talker', 'c1'), /^Cannot checkpoint container talker: \S/)
  assert.equal(await status(engine, 'talker'), 'running')
  assert.equal(await engine.ok(['checkpoint', 'ls', 'talker']), 'CHECKPOINT NAME')

  await engine.ok(['kill', 'counter'])
  assert.equal(await create('counter', 'c2'), 'Container counter not running')
  const absent = await refused(engine, 'start', '--checkpoint', 'c2', 'counter')
  assert.equal(absent, 'checkpoint c2 does not exist for container /counter')
  truncateSync(join(engine.dataRoot, 'containers', id, 'checkpoints/c1/inventory.img'), 10)
  const broken = await refused(engine, 'start', '--checkpoint', 'c1', 'counter')
  assert.match(broken, /^Cannot restore container counter: .*inventory\.img/)
  await engine.ok(['start', 'counter'])
  await countsOn(engine, 'counter')
})

test('a crun without CRIU says so', { skip: onDockerd }, async t => {
  await using engine = await startExperimental()
  if ((await engine.run(['crun', '--version'])).stdout.includes('+CRIU')) return t.skip('this crun has CRIU')
  await engine.ok(['run', '-d', '--name', 'c1', '--runtime', 'crun', 'busybox', 'sleep', '1000'])
  const said =
    /^Cannot checkpoint container c1: \S+crun was built without CRIU: create the container with another runtime/
  assert.match(await refused(engine, 'checkpoint', 'create', 'c1', 'first'), said)
  assert.equal(await status(engine, 'c1'), 'running')
})

test('clients see whether checkpoints can be made', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['create', '--name', 'c1', 'busybox', 'true'])
  const { status: code, text } = await call(engine, 'POST', '/containers/c1/checkpoints', { CheckpointID: 'first' })
  assert.deepEqual([code, text.includes('experimental mode')], [501, true])
  assert.equal(await engine.ok(['version', '--format', '{{.Server.Experimental}}']), 'false')
  await using experimental = await startExperimental()
  assert.equal(await experimental.ok(['version', '--format', '{{.Server.Experimental}}']), 'true')
  assert.equal(await experimental.ok(['info', '--format', '{{.ExperimentalBuild}}']), 'true')
})
