// Containers and images that mean harm: deep and wide trees, links to the host, floods, fork bombs.

import assert from 'node:assert/strict'
import { constants, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import { mkdirAt, openAt } from '../../src/kernel/files.ts'
import { openPath } from '../../src/kernel/descriptor.ts'
import { output } from '../kit/command.ts'
import { ping } from '../kit/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { busyboxImage } from '../kit/images.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const gantrydOnly = { skip: onDockerd }

/** Runs `body` and fails if the daemon does not answer within `limit` ms meanwhile. */
async function answersDuring(engine: Gantryd, limit: number, body: Promise<unknown>): Promise<void> {
  const finished = body.then(() => true)
  let slowest = 0
  for (let done = false; !done; done = await Promise.race([finished, pause(5, false)])) {
    const asked = performance.now()
    assert.equal(await ping(engine.socket), 200)
    slowest = Math.max(slowest, performance.now() - asked)
  }
  assert.ok(slowest < limit, `the slowest answer took ${slowest} ms`)
}

/** Makes `levels` directories, one in the other, below `path`. */
function nest(path: string, levels: number): void {
  let at = openPath(path, constants.O_RDONLY | constants.O_DIRECTORY)
  for (let level = 0; level < levels; level++) {
    mkdirAt(at, 'd', 0o755)
    const next = openAt(at, 'd', constants.O_RDONLY | constants.O_DIRECTORY)
    at.close()
    at = next
  }
  at.close()
}

test('trees of any shape are removed, and nobody has to wait', gantrydOnly, async suite => {
  await using engine = await startGantrydWithBusybox()

  await suite.test('20,000 levels, in the container and in its volume', async () => {
    await engine.ok(['run', '-d', '--name', 'deep', '-v', '/data', 'busybox', 'sleep', '600'])
    const pid = await engine.ok(['inspect', '--format', '{{.State.Pid}}', 'deep'])
    for (const place of ['tmp', 'data']) nest(`/proc/${pid}/root/${place}`, 20_000)
    await answersDuring(engine, 1000, engine.ok(['ps', '--size']))
    await answersDuring(engine, 1000, engine.ok(['rm', '--force', 'deep']))
    await answersDuring(engine, 1000, engine.ok(['volume', 'prune', '--force']))
    assert.deepEqual(readdirSync(join(engine.dataRoot, 'volumes')), [])
    assert.deepEqual(readdirSync(join(engine.dataRoot, 'containers')), [])
  })

  await suite.test('50,000 files, and with --rm', async () => {
    const many = 'mkdir /data/x; cd /data/x; seq 1 25000 | xargs touch; cd /tmp; seq 1 25000 | xargs touch'
    const run = engine.ok(['run', '--rm', '-v', '/data', 'busybox', 'sh', '-c', many])
    await answersDuring(engine, 1000, run)
    await until(() => readdirSync(join(engine.dataRoot, 'containers')).length === 0)
    await until(() => readdirSync(join(engine.dataRoot, 'volumes')).length === 0)
  })

  await suite.test('what a crash left is removed after the next start', async () => {
    mkdirSync(join(engine.dataRoot, 'containers/left'))
    nest(join(engine.dataRoot, 'containers/left'), 5000)
    await engine.kill9()
    await engine.start()
    await until(() => readdirSync(join(engine.dataRoot, 'containers')).length === 0)
  })
})

/** Places in an image that lead to the host's `canary`, which is a directory with one file. */
const traps: Readonly<Record<string, (root: string, canary: string) => void>> = {
  '/etc/hosts': (root, canary) => link(root, 'etc/hosts', `${canary}/file`),
  '/etc/hosts, upwards': (root, canary) => link(root, 'etc/hosts', `../../../../../../../..${canary}/file`),
  '/etc/hosts, new': (root, canary) => link(root, 'etc/hosts', `${canary}/new`),
  '/etc/resolv.conf': (root, canary) => link(root, 'etc/resolv.conf', `${canary}/file`),
  '/etc/hostname': (root, canary) => link(root, 'etc/hostname', `${canary}/file`),
  '/etc/mtab': (root, canary) => link(root, 'etc/mtab', `${canary}/new`),
  '/etc': (root, canary) => link(root, 'etc', canary),
  '/.dockerenv': (root, canary) => link(root, '.dockerenv', `${canary}/new`),
  '/dev': (root, canary) => link(root, 'dev', canary),
  '/dev/shm': (root, canary) => link(root, 'dev/shm', canary),
  '/dev/console': (root, canary) => link(root, 'dev/console', `${canary}/file`),
  '/dev/null': (root, canary) => link(root, 'dev/null', `${canary}/file`),
  '/proc': (root, canary) => link(root, 'proc', canary),
  '/sys': (root, canary) => link(root, 'sys', canary),
  '/data': (root, canary) => link(root, 'data', canary),
  '/job': (root, canary) => link(root, 'job', canary),
}

function link(root: string, path: string, target: string): void {
  const place = join(root, path)
  mkdirSync(join(place, '..'), { recursive: true })
  symlinkSync(target, place)
}

async function trapImage(engine: Gantryd, name: string, build: (root: string) => void): Promise<void> {
  await using place = temporaryDirectory('trap')
  const root = join(place.path, 'root')
  mkdirSync(join(root, 'bin'), { recursive: true })
  await output(['tar', '-xf', (await busyboxImage()).rootfs, '-C', root, './bin'])
  build(root)
  const archive = join(place.path, 'image.tar')
  await output(['tar', '-C', root, '-cf', archive, '.'])
  await engine.ok(['import', archive, name])
}

test('an image leads nowhere on the host', gantrydOnly, async suite => {
  await using engine = await startGantrydWithBusybox()
  await using place = temporaryDirectory('canary')
  const canary = join(place.path, 'c')
  mkdirSync(canary)
  writeFileSync(join(canary, 'file'), 'canary')
  const before = statSync(canary, { bigint: true })
  let number = 0
  for (const [path, build] of Object.entries(traps)) {
    await suite.test(path, async () => {
      const image = `trap${number++}`
      await trapImage(engine, image, root => build(root, canary))
      const flags = ['-v', '/data', '-w', '/job/new', '--tmpfs', '/sys/new', '--add-host', 'a:1.2.3.4']
      const write =
        'id; echo x > /etc/hosts; echo x > /dev/null; echo x > /data/new; echo x > /dev/shm/new; cat /etc/hosts'
      for (const more of [[], ['-t'], ['--privileged'], ['--read-only']]) {
        // Whether it starts is up to the runtime; where it writes is not.
        await engine.docker(['run', '--rm', ...more, ...flags, image, '/bin/busybox', 'sh', '-c', write])
      }
      assert.deepEqual(readdirSync(canary), ['file'])
      assert.equal(readFileSync(join(canary, 'file'), 'utf8'), 'canary')
      const { mtimeNs, mode, uid, nlink } = statSync(canary, { bigint: true })
      assert.deepEqual([mtimeNs, mode, uid, nlink], [before.mtimeNs, before.mode, before.uid, before.nlink])
      await engine.settles()
    })
  }
})

test('floods stay within their bounds', gantrydOnly, async suite => {
  await using engine = await startGantrydWithBusybox()

  await suite.test('a log', async () => {
    const limits = ['--log-opt', 'max-size=1m', '--log-opt', 'max-file=3']
    await engine.ok(['run', '-d', '--name', 'loud', ...limits, 'busybox', 'yes'])
    const id = await engine.ok(['inspect', '--format', '{{.Id}}', 'loud'])
    const directory = join(engine.dataRoot, 'containers', id)
    const logs = () => readdirSync(directory).filter(name => name.includes('-json.log'))
    await until(() => logs().length === 3)
    // A follower that does not read costs no memory.
    await using idle = engine.watch(['logs', '--follow', 'loud'])
    idle.kill('SIGSTOP')
    await answersDuring(engine, 2000, engine.ok(['logs', 'loud']))
    const size = (name: string) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0
    const sizes = logs().map(size)
    // While files change their names there may be one more.
    assert.ok(sizes.length <= 4 && Math.max(...sizes) < 1_100_000, String(sizes))
    await engine.ok(['rm', '--force', 'loud'])
  })

  await suite.test('a fork bomb', async () => {
    await engine.ok(['run', '-d', '--name', 'bomb', '--pids-limit', '64', 'busybox', 'sleep', '600'])
    await engine.ok(['exec', '-d', 'bomb', 'sh', '-c', 'while :; do sleep 600 & done'])
    await until(async () => (await engine.ok(['top', 'bomb'])).split('\n').length > 60)
    assert.equal(await engine.ok(['run', '--rm', 'busybox', 'echo', 'room']), 'room')
    await answersDuring(engine, 2000, engine.ok(['rm', '--force', 'bomb']))
    await engine.settles()
  })

  await suite.test('memory', async () => {
    const eat = ['dd', 'if=/dev/zero', 'of=/dev/shm/x', 'bs=1M', 'count=40']
    const { code } = await engine.docker(['run', '--name', 'eater', '--memory', '16m', 'busybox', ...eat])
    const state = await engine.ok(['inspect', '--format', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'eater'])
    assert.deepEqual([code, state], [137, 'true 137'])
  })
})
