// Namespaces and mounts that containers share with others: ipc, parts of volumes, images; across the daemon's restart.

import assert from 'node:assert/strict'
import { lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { unmount } from '../../src/kernel/mount.ts'
import { until } from '../kit/until.ts'
import { call, messageOf } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

/** A part of the volume `parts` at /x. */
const at = (path: string, more = '') => ['--mount', `type=volume,src=parts,dst=/x,volume-subpath=${path}${more}`]

test('what containers share', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()

  const run = (flags: readonly string[], command: string) =>
    engine.docker(['run', '--rm', ...flags, 'busybox', 'sh', '-c', command])
  const ok = async (flags: readonly string[], command: string) => {
    const { code, stdout, stderr } = await run(flags, command)
    assert.equal(code, 0, stderr)
    return stdout.trimEnd()
  }
  const refused = async (flags: readonly string[], why: RegExp, status = 125) => {
    const { code, stderr } = await run(flags, 'true')
    assert.equal(code, status, stderr)
    assert.match(stderr, why)
  }
  const lasting = (name: string, flags: readonly string[], image = 'busybox') =>
    engine.ok(['run', '-d', '--name', name, ...flags, image, 'sleep', '1000'])
  const restart = async () => {
    await engine.kill9()
    await engine.start()
  }

  await suite.test('shared memory and semaphores are those of the donor, and of who joined it', async () => {
    await lasting('donor', ['--ipc', 'shareable', '--shm-size', '3m'])
    await lasting('second', ['--ipc', 'container:donor'])
    await engine.ok(['exec', 'donor', 'sh', '-c', 'echo here > /dev/shm/f'])
    const inside = 'cat /dev/shm/f; readlink /proc/self/ns/ipc; df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2'
    const namespace = await engine.ok(['exec', 'donor', 'readlink', '/proc/self/ns/ipc'])
    const expected = `here\n${namespace}\n3072`
    for (const other of ['donor', 'second']) assert.equal(await ok(['--ipc', `container:${other}`], inside), expected)
    const options = await ok(['--ipc', 'container:donor'], 'grep " /dev/shm " /proc/mounts')
    assert.match(options, /nosuid,nodev,noexec/)
    await restart()
    assert.equal(await ok(['--ipc', 'container:second'], inside), expected)
  })

  await suite.test(
    'who joined keeps the memory when the donor has gone, and finds a new one when started again',
    async () => {
      await engine.ok(['rm', '-f', 'donor'])
      assert.equal(await engine.ok(['exec', 'second', 'cat', '/dev/shm/f']), 'here')
      await engine.ok(['stop', '-t', '0', 'second'])
      const gone = await engine.docker(['start', 'second'])
      assert.match(gone.stderr, /No such container: /)
      await lasting('donor', ['--ipc', 'shareable'])
      await engine.ok(['exec', 'donor', 'sh', '-c', 'echo anew > /dev/shm/f'])
      await engine.ok(['start', 'second'])
      assert.equal(await engine.ok(['exec', 'second', 'cat', '/dev/shm/f']), 'anew')
    },
  )

  await suite.test('what can not be joined is refused', async () => {
    await lasting('own', ['--ipc', 'private'])
    await lasting('bare', ['--ipc', 'none'])
    for (const name of ['own', 'bare']) await refused(['--ipc', `container:${name}`], /non-shareable IPC \(hint: use/)
    await engine.ok(['stop', '-t', '0', 'donor'])
    await refused(['--ipc', 'container:donor'], /can't join IPC of container .* is not running/)
    await refused(['--ipc', 'container:nobody'], /No such container: nobody/)
    await engine.ok(['rm', '-f', 'own', 'bare', 'donor', 'second'])
  })

  await suite.test('a part of a volume is mounted, and nothing outside of it', async () => {
    await ok(['-v', 'parts:/v'], 'mkdir -p /v/a/b && echo deep > /v/a/b/f && echo top > /v/f')
    const data = join(engine.dataRoot, 'volumes/parts/_data')
    assert.equal(await ok(at('a/b'), 'ls /x; echo new > /x/g'), 'f')
    assert.equal(await ok(at('f'), 'cat /x'), 'top')
    assert.equal((await run(at('a', ',readonly'), 'touch /x/y')).code, 1)
    symlinkSync('a/b', join(data, 'within'))
    assert.equal(await ok(at('within'), 'cat /x/f /x/g'), 'deep\nnew')
    symlinkSync('../../..', join(data, 'up'))
    symlinkSync('/etc', join(data, 'absolute'))
    for (const path of ['up', 'up/x', 'absolute']) await refused(at(path), /leads out of the volume/)
    await refused(at('nothing'), /cannot access path .*: no such file or directory/, 127)
    await refused(at('f/x'), /cannot access path/, 127)
    await refused(at('../x'), /subpath must be a relative path within the volume/)
    await refused(['--mount', 'type=volume,dst=/x,volume-subpath=a'], /must not set Subpath when using anonymous/)
    const user = await lasting('part', at('a'))
    await restart()
    assert.equal(await engine.ok(['exec', user, 'cat', '/x/b/f']), 'deep')
    await engine.ok(['restart', '-t', '0', 'part'])
    assert.equal(await engine.ok(['exec', user, 'cat', '/x/b/f']), 'deep')
    // What takes over the mount takes over the part.
    assert.equal(await ok(['--volumes-from', 'part:ro'], 'cat /x/b/f'), 'deep')
    await engine.ok(['rm', '-f', 'part'])
    await engine.ok(['volume', 'rm', 'parts'])
  })

  await suite.test('a subpath that becomes a link while it is mounted leads nowhere else', async () => {
    const swap =
      'cd /v; mkdir sub; touch sub/mark; ln -s /etc out; touch ready; while :; do mv -T sub a; mv -T out sub; mv -T sub out; mv -T a sub; done'
    await engine.ok(['run', '-d', '--name', 'swapper', '-v', 'parts:/v', 'busybox', 'sh', '-c', swap])
    const ready = () => engine.docker(['exec', 'swapper', 'test', '-e', '/v/ready'])
    await until(async () => (await ready()).code === 0)
    const outcomes = new Set<string>()
    for (let attempt = 0; attempt < 12; attempt++) {
      const { code, stdout, stderr } = await run(at('sub'), 'ls -A /x')
      if (code === 0) assert.equal(stdout, 'mark\n')
      else assert.match(stderr, /leads out of the volume|cannot access path/)
      outcomes.add(code === 0 ? 'mounted' : 'refused')
    }
    assert.ok(outcomes.has('mounted'), 'the directory was never there')
    await engine.ok(['rm', '-f', 'swapper'])
    await engine.ok(['volume', 'rm', 'parts'])
  })

  await suite.test('the source of a bind mount is made if the client asks for it', async () => {
    const source = join(engine.scratch, 'made/for/me')
    const create = async (BindOptions: object) =>
      await call(engine, 'POST', '/containers/create?name=made', {
        Image: 'busybox',
        Cmd: ['touch', '/b/x'],
        HostConfig: { Mounts: [{ Type: 'bind', Source: source, Target: '/b', BindOptions }] },
      })
    const refusal = await create({})
    assert.equal(refusal.status, 400)
    assert.match(messageOf(refusal), /bind source path does not exist: /)
    assert.equal((await create({ CreateMountpoint: true })).status, 201)
    await engine.ok(['start', '-a', 'made'])
    assert.equal(lstatSync(join(source, 'x')).isFile(), true)
    await engine.ok(['rm', 'made'])
  })

  await suite.test('a bind mount is as deep, and as deep read-only, as it is asked to be', async () => {
    const [whole, below] = [join(engine.scratch, 'whole'), join(engine.scratch, 'whole/below')]
    mkdirSync(below, { recursive: true })
    await engine.run(['mount', '-t', 'tmpfs', 'below', below])
    // The commands of the test and the daemon are in one mount namespace.
    using _below = { [Symbol.dispose]: () => unmount(below) }
    const look = 'touch /b/x && echo top; touch /b/below/x && echo below; grep -c " /b/below " /proc/mounts; true'
    for (const runtime of ['crun', 'runc']) {
      const seen = (more: string) =>
        ok([`--runtime=${runtime}`, '--mount', `type=bind,src=${whole},dst=/b${more}`], look)
      assert.equal(await seen(''), 'top\nbelow\n1')
      assert.equal(await seen(',readonly'), '1')
      assert.equal(await seen(',readonly,bind-recursive=writable'), 'below\n1')
      assert.equal(await seen(',readonly,bind-recursive=readonly,bind-propagation=rprivate'), '1')
      assert.equal(await seen(',readonly,bind-recursive=disabled'), '0')
      assert.equal(await seen(',bind-recursive=disabled'), 'top\nbelow\n0')
    }
  })

  await suite.test('an image is mounted read-only and kept while a container has it', async () => {
    const tree = join(engine.scratch, 'tree')
    mkdirSync(join(tree, 'sub'), { recursive: true })
    writeFileSync(join(tree, 'sub/f'), 'content')
    symlinkSync('sub', join(tree, 'link'))
    symlinkSync('/etc', join(tree, 'out'))
    const archive = join(engine.scratch, 'tree.tar')
    await engine.run(['tar', '-C', tree, '-cf', archive, '.'])
    await engine.ok(['import', archive, 'data:1'])
    // The stock CLI of some releases has no key for the subpath.
    const create = async (name: string, mount: object) =>
      await call(engine, 'POST', `/containers/create?name=${name}`, {
        Image: 'busybox',
        Cmd: ['sleep', '1000'],
        HostConfig: { Mounts: [{ Type: 'image', Target: '/x', ...mount }] },
      })
    assert.equal((await create('whole', { Source: 'data:1' })).status, 201)
    await engine.ok(['start', 'whole'])
    assert.equal(await engine.ok(['exec', 'whole', 'cat', '/x/sub/f']), 'content')
    assert.match((await engine.docker(['exec', 'whole', 'touch', '/x/new'])).stderr, /Read-only file system/)
    const id = await engine.ok(['images', '-q', '--no-trunc', 'data:1'])
    assert.deepEqual(JSON.parse(await engine.ok(['inspect', 'whole', '--format', '{{json .Mounts}}'])), [
      { Type: 'image', Name: 'data:1', Source: id, Destination: '/x', Mode: '', RW: false, Propagation: '' },
    ])
    for (const Subpath of ['sub', 'link']) {
      assert.equal((await create('part', { Source: 'data:1', ImageOptions: { Subpath } })).status, 201)
      await engine.ok(['start', 'part'])
      assert.equal(await engine.ok(['exec', 'part', 'cat', '/x/f']), 'content')
      await engine.ok(['rm', '-f', 'part'])
    }
    assert.equal((await create('part', { Source: 'data:1', ImageOptions: { Subpath: 'out' } })).status, 201)
    assert.match((await engine.docker(['start', 'part'])).stderr, /leads out of the image/)
    await engine.ok(['rm', 'part'])
    assert.match((await engine.docker(['rmi', 'data:1'])).stderr, /container .* is using its referenced image/)
    await engine.ok(['image', 'prune', '-af'])
    await restart()
    await engine.ok(['restart', '-t', '0', 'whole'])
    assert.equal(await engine.ok(['exec', 'whole', 'cat', '/x/sub/f']), 'content')
    for (const [mount, why] of [
      [{ Source: 'nothing' }, /No such image: nothing/],
      [{ Source: '' }, /field Source must not be empty/],
      [{ Source: 'data:1', ImageOptions: { Subpath: '../x' } }, /subpath must be a relative path/],
      [{ Source: 'data:1', VolumeOptions: {} }, /field VolumeOptions must not be specified/],
    ] as const) {
      const answer = await create('bad', mount)
      assert.equal(answer.status, 400)
      assert.match(messageOf(answer), why)
    }
    await engine.ok(['rm', '-f', 'whole'])
    await engine.ok(['rmi', 'data:1'])
  })
})
