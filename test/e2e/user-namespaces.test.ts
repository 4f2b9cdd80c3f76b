// Containers in user namespaces: ids inside, on the host and on disk, what they share, and what their root can't do.

import assert from 'node:assert/strict'
import { chmodSync, constants, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { openPath } from '../../src/kernel/descriptor.ts'
import { setXattr } from '../../src/kernel/xattr.ts'
import { call, messageOf } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

/** A file capability of version 2, CAP_SYS_ADMIN permitted and effective: what setcap writes. capabilities(7). */
const effectiveSysAdmin = Buffer.from('0100000200002000000000000000000000000000', 'hex')

function owner(path: string): string {
  const { uid, gid } = lstatSync(path)
  return `${uid}:${gid}`
}

test('user namespaces of single containers', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()

  /** Creates a container, which the stock CLI can't with this mode. */
  const create = async (name: string, hostConfig: object, image = 'busybox') => {
    const made = await call(engine, 'POST', `/containers/create?name=${name}`, {
      Image: image,
      Cmd: ['sleep', '1000'],
      HostConfig: { UsernsMode: 'private', ...hostConfig },
    })
    assert.equal(made.status, 201, JSON.stringify(made.body))
  }
  const start = async (name: string, hostConfig: object = {}, image?: string) => {
    await create(name, hostConfig, image)
    await engine.ok(['start', name])
  }
  const refusedAtStart = async (hostConfig: object, why: RegExp) => {
    await create('refused', hostConfig)
    const answer = await call(engine, 'POST', '/containers/refused/start')
    assert.equal(answer.status, 409)
    assert.match(messageOf(answer), why)
    await engine.ok(['rm', 'refused'])
  }
  const inspect = (name: string, field: string) => engine.ok(['inspect', '--format', `{{.${field}}}`, name])
  const inside = (name: string, command: string) => engine.ok(['exec', name, 'sh', '-c', command])
  const upperOf = async (name: string) => join(engine.dataRoot, 'containers', await inspect(name, 'Id'), 'upper')
  const idsOnHost = async (name: string) => {
    const status = readFileSync(`/proc/${await inspect(name, 'State.Pid')}/status`, 'utf8')
    return [/^Uid:\t(\d+)/m, /^Gid:\t(\d+)/m].map(pattern => Number(pattern.exec(status)?.[1]))
  }
  const remove = (...names: string[]) => engine.ok(['rm', '-f', ...names])

  for (const runtime of ['crun', 'runc']) {
    await suite.test(`root inside is nobody outside, and owns its files in both (${runtime})`, async () => {
      await start('one', { Runtime: runtime })
      const [uid = 0, gid = 0] = await idsOnHost('one')
      assert.ok(uid >= 0x7000_0000 && gid === uid, `the init is ${uid}:${gid} on the host`)
      assert.match(await inside('one', 'cat /proc/self/uid_map'), new RegExp(`^ *0 +${uid} +65536$`))
      await inside('one', 'touch /x && mkdir /d && chown 1000:1000 /d && mv /bin/sh /bin/moved')
      const paths = '/x /d /bin /bin/moved / /etc/hosts /etc/hostname /etc/resolv.conf /dev /dev/shm'
      const owners = await engine.ok(['exec', 'one', 'stat', '-c', '%u:%g', ...paths.split(' ')])
      assert.equal(owners, paths.replace(/\S+/g, path => (path === '/d' ? '1000:1000' : '0:0')).replaceAll(' ', '\n'))
      const upper = await upperOf('one')
      for (const path of ['x', 'bin/moved']) assert.equal(owner(join(upper, path)), '0:0')
      assert.equal(owner(join(upper, 'd')), '1000:1000')
      await remove('one')
    })
  }

  await suite.test('the network belongs to the container’s root', async () => {
    await start('one', { CapAdd: ['NET_ADMIN'], Sysctls: { 'net.ipv4.ip_forward': '1' } })
    assert.equal(await inside('one', 'ip link set eth0 down && cat /proc/sys/net/ipv4/ip_forward'), '1')
    assert.match(await inside('one', 'cat /proc/sys/net/ipv4/ping_group_range'), /^0\s65535$/)
    await remove('one')
  })

  await suite.test('two containers have nothing in common but what is theirs to share', async () => {
    await start('one', { Binds: ['shared:/v'], IpcMode: 'shareable' })
    await start('two', { Binds: ['shared:/v'] })
    assert.notDeepEqual(await idsOnHost('one'), await idsOnHost('two'))
    await inside('one', 'touch /v/root && touch /v/app && chown 1000:1000 /v/app')
    const look = 'stat -c %u:%g /v /v/root /v/app'
    assert.equal(await inside('two', look), '0:0\n0:0\n1000:1000')
    assert.equal(
      await engine.ok(['run', '--rm', '-v', 'shared:/v', 'busybox', ...look.split(' ')]),
      '0:0\n0:0\n1000:1000',
    )
    assert.equal(owner(join(engine.dataRoot, 'volumes/shared/_data/root')), '0:0')
    const joined = { NetworkMode: 'container:one', PidMode: 'container:one', IpcMode: 'container:one' }
    await start('three', joined)
    await start('four', { PidMode: 'container:one' })
    for (const name of ['three', 'four']) assert.deepEqual(await idsOnHost(name), await idsOnHost('one'))
    assert.match(await inside('three', 'stat -c %u /dev/shm; ps | grep -c [s]leep; ip -o link | wc -l'), /^0\n[34]\n2$/)
    assert.equal(await inside('four', 'ip link set lo down; ip -o link | wc -l'), '2')
    await refusedAtStart({ NetworkMode: 'container:one', PidMode: 'container:two' }, /their user namespaces differ/)
    await engine.ok(['run', '-d', '--name', 'host', 'busybox', 'sleep', '1000'])
    await refusedAtStart({ NetworkMode: 'container:host' }, /is in the host's user namespace: use --userns=host/)
    await engine.ok(['run', '--rm', '--network', 'container:one', 'busybox', 'true'])
    await remove('one', 'two', 'three', 'four', 'host')
    await engine.ok(['volume', 'rm', 'shared'])
  })

  await suite.test('ids stay a container’s own while the daemon is away', async () => {
    await start('one')
    const before = await idsOnHost('one')
    await engine.kill9()
    await engine.start()
    assert.deepEqual(await idsOnHost('one'), before)
    assert.equal(await inside('one', 'id -u; touch /later; stat -c %u /later'), '0\n0')
    await engine.ok(['restart', '-t', '0', 'one'])
    assert.deepEqual(await idsOnHost('one'), before)
    assert.equal(await inside('one', 'stat -c %u:%g /later'), '0:0')
    await remove('one')
  })

  await suite.test('clients see and give the owners of inside', async () => {
    const [file, archive] = [join(engine.scratch, 'file'), join(engine.scratch, 'a.tar')]
    writeFileSync(file, 'content')
    const list = async (...args: string[]) => {
      await engine.run(['sh', '-c', `docker ${args.join(' ')} > ${archive}`])
      const listed = await engine.run(['tar', '--numeric-owner', '-tvf', archive])
      return listed.stdout
    }
    await start('one', { Binds: ['files:/v'] })
    await inside('one', 'mkdir /d && touch /d/app /v/app && chown 1000:1000 /d/app /v/app')
    for (const place of ['/d', '/v']) {
      await engine.ok(['cp', file, `one:${place}/given`])
      assert.equal(await inside('one', `stat -c %u:%g ${place}/given ${place}/app`), '0:0\n1000:1000')
      assert.match(await list('cp', `one:${place}`, '-'), /1000\/1000 .*app\n(.*\n)*.*0\/0 .*given/)
    }
    assert.match(await list('export', 'one'), /1000\/1000 .* d\/app\n/)
    assert.match(await engine.ok(['diff', 'one']), /^A \/d\nA \/d\/app\nA \/d\/given$/m)
    await engine.ok(['stop', '-t', '0', 'one'])
    await engine.ok(['cp', file, 'one:/d/given2'])
    assert.match(await list('cp', 'one:/d', '-'), /1000\/1000 .*app\n(.*\n)*.*0\/0 .*given2/)
    await engine.ok(['start', 'one'])
    assert.equal(await inside('one', 'stat -c %u:%g /d/given2 /d/app'), '0:0\n1000:1000')
    await remove('one')
    await engine.ok(['volume', 'rm', 'files'])
  })

  await suite.test('nothing that a layer brings along makes its root the host’s', async () => {
    const [tree, archive] = [join(engine.scratch, 'tree'), join(engine.scratch, 'hostile.tar')]
    mkdirSync(tree)
    // A program that stays what it is made by its mode, unlike busybox.
    const program = join(import.meta.dirname, '../../build/gantry-init')
    const layer = `mkdir bin dev proc sys; cp $(which busybox) bin/busybox; cp ${program} suid; chmod 4755 suid
       for name in sh sleep mknod grep; do ln -s busybox bin/$name; done; cp bin/busybox busybox-capable
       mknod -m 666 memory c 1 1; mknod -m 666 kmsg c 1 11`
    await engine.run(['sh', '-ec', layer], { cwd: tree })
    using capable = openPath(join(tree, 'busybox-capable'), constants.O_RDONLY)
    setXattr(capable, 'security.capability', effectiveSysAdmin)
    await engine.run(['tar', '--xattrs', '--xattrs-include=security.capability', '-C', tree, '-cf', archive, '.'])
    await engine.ok(['import', archive, 'hostile'])
    await start('one', { CapAdd: ['MKNOD', 'SYS_ADMIN'] }, 'hostile')
    const asUser = (...command: string[]) => engine.ok(['exec', '-u', '1000', 'one', ...command])
    // The setuid program runs as the container's root, the capable one has its capability in the container.
    await engine.ok(['exec', '-d', '-u', '1000', 'one', '/suid', '--', '/bin/sleep', '1000'])
    const find = 'grep -h ^Uid $(grep -l ^Name:.suid /proc/[0-9]*/status)'
    assert.equal(await inside('one', find), 'Uid:\t1000\t0\t0\t0')
    assert.match(await asUser('/busybox-capable', 'grep', 'CapEff', '/proc/self/status'), /^CapEff:\t0000000000200000$/)
    for (const node of ['/memory', '/kmsg']) {
      assert.match(
        (await engine.docker(['exec', 'one', '/bin/busybox', 'cat', node])).stderr,
        /Operation not permitted/,
      )
    }
    const made = await engine.docker(['exec', 'one', 'mknod', '/n', 'c', '1', '1'])
    assert.match(made.stderr, /Operation not permitted/)
    await remove('one')
    await engine.ok(['rmi', 'hostile'])
  })

  await suite.test('files of the host stay the host’s', async () => {
    const bound = join(engine.scratch, 'bound')
    mkdirSync(bound)
    writeFileSync(join(bound, 'secret'), 'of root', { mode: 0o600 })
    await engine.run(['sh', '-c', `mkdir ${bound}/open && chmod 777 ${bound}/open`])
    await start('one', { Binds: [`${bound}:/b`] })
    for (const command of [
      'cat /b/secret',
      'touch /b/new',
      'chown 0:0 /b/secret',
      'chmod 666 /b/secret',
      'rm -f /b/secret',
    ]) {
      const { code, stderr } = await engine.docker(['exec', 'one', 'sh', '-c', command])
      assert.notEqual(code, 0, command)
      assert.match(stderr, /Permission denied|Operation not permitted/, command)
    }
    await inside('one', 'cp /bin/busybox /b/open/s && chmod 4755 /b/open/s')
    assert.equal(owner(join(bound, 'open/s')), (await idsOnHost('one')).join(':'))
    await remove('one')
  })

  await suite.test('an exec root that lets nobody through is told of', async () => {
    await create('one', {})
    chmodSync(engine.directory, 0o700)
    const answer = await call(engine, 'POST', '/containers/one/start')
    chmodSync(engine.directory, 0o711)
    assert.equal(answer.status, 409)
    assert.match(
      messageOf(answer),
      /keeps the container's root from its root file system: allow everyone to pass through/,
    )
    await engine.ok(['start', 'one'])
    await remove('one')
  })

  await suite.test('what needs the host’s own root is refused in dockerd’s words', async () => {
    for (const [hostConfig, why] of [
      [{ Privileged: true }, /privileged mode is incompatible with user namespaces/],
      [{ NetworkMode: 'host' }, /cannot share the host's network namespace when user namespaces are enabled/],
      [{ PidMode: 'host' }, /cannot share the host PID namespace when user namespaces are enabled/],
    ] as const) {
      const answer = await call(engine, 'POST', '/containers/create', {
        Image: 'busybox',
        HostConfig: { UsernsMode: 'private', ...hostConfig },
      })
      assert.equal(answer.status, 400)
      assert.match(messageOf(answer), why)
    }
  })
})

test('a daemon that remaps all containers', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox({ flags: ['--userns-remap=default'] })
  const run = (...args: string[]) => engine.ok(['run', '--rm', ...args])
  assert.match(await engine.ok(['info', '--format', '{{json .SecurityOptions}}']), /"name=userns"/)
  const map = 'cat /proc/self/uid_map'.split(' ')
  assert.match(await run('busybox', ...map), /^ *0 +1879048192 +65536$/)
  assert.match(await run('--userns', 'host', 'busybox', ...map), /^ *0 +0 +4294967295$/)
  assert.equal(await run('--network', 'none', '--tmpfs', '/t', 'busybox', 'stat', '-c', '%u:%g', '/t'), '0:0')
  for (const flags of [['--privileged'], ['--network=host'], ['--pid=host']]) {
    const { code, stderr } = await engine.docker(['run', '--rm', ...flags, 'busybox', 'true'])
    assert.equal(code, 125)
    assert.match(stderr, /user namespaces/)
    await run('--userns=host', ...flags, 'busybox', 'true')
  }
  const other = await call(engine, 'POST', '/containers/create?name=own', {
    Image: 'busybox',
    Cmd: map,
    HostConfig: { UsernsMode: 'private' },
  })
  assert.equal(other.status, 201)
  assert.doesNotMatch(await engine.ok(['start', '-a', 'own']), /1879048192/)
})

test('containers outlive a change of the daemon’s remapping', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '--name', 'kept', 'busybox', 'touch', '/x'])
  await engine.ok(['create', '--name', 'host', '--network', 'host', 'busybox', 'true'])
  await engine.kill9()
  writeFileSync(engine.configuration, JSON.stringify({ 'userns-remap': 'default' }))
  await engine.start()
  await engine.ok(['start', '-a', 'kept'])
  await engine.ok(['commit', 'kept', 'kept:1'])
  assert.equal(await engine.ok(['run', '--rm', 'kept:1', 'stat', '-c', '%u:%g', '/x']), '0:0')
  assert.match((await engine.docker(['start', 'host'])).stderr, /cannot share the host's network namespace when user/)
})
