// Containers in user namespaces: ids inside, on the host and on disk, and what their root can't do.

import assert from 'node:assert/strict'
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { call, messageOf } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

test('user namespaces', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()

  /** Creates and starts a container, which the stock CLI can't with this mode; returns its id. */
  const start = async (name: string, hostConfig: object, command = 'sleep 1000') => {
    const made = await call(engine, 'POST', `/containers/create?name=${name}`, {
      Image: 'busybox',
      Cmd: ['sh', '-c', command],
      HostConfig: { UsernsMode: 'private', ...hostConfig },
    })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const started = await call(engine, 'POST', `/containers/${name}/start`)
    assert.equal(started.status, 204, JSON.stringify(started.body))
    return await engine.ok(['inspect', '--format', '{{.Id}}', name])
  }
  const inside = (name: string, command: string) => engine.ok(['exec', name, 'sh', '-c', command])
  const pidOf = async (name: string) => await engine.ok(['inspect', '--format', '{{.State.Pid}}', name])
  const hostIds = async (name: string) => {
    const status = readFileSync(`/proc/${await pidOf(name)}/status`, 'utf8')
    return [/^Uid:\t(\d+)/m, /^Gid:\t(\d+)/m].map(pattern => Number(pattern.exec(status)?.[1]))
  }

  for (const runtime of ['crun', 'runc']) {
    await suite.test(`root inside is nobody outside, and owns its files in both (${runtime})`, async () => {
      const id = await start('one', { Runtime: runtime })
      const [uid = 0, gid = 0] = await hostIds('one')
      assert.ok(uid >= 0x7000_0000 && gid === uid, `the init is ${uid}:${gid} on the host`)
      assert.match(await inside('one', 'cat /proc/self/uid_map'), new RegExp(`^ *0 +${uid} +65536$`))
      assert.equal(await inside('one', 'touch /x && mkdir /d && chown 1000:1000 /d && id -u'), '0')
      const owners = await inside(
        'one',
        'stat -c "%u:%g" /x /d /bin /bin/sh / /etc/hosts /etc/hostname /etc/resolv.conf /dev',
      )
      assert.equal(owners, '0:0\n1000:1000\n0:0\n0:0\n0:0\n0:0\n0:0\n0:0\n0:0')
      const onDisk = (path: string) => lstatSync(join(engine.dataRoot, 'containers', id, 'upper', path))
      assert.deepEqual([onDisk('x').uid, onDisk('d').uid, onDisk('d').gid], [0, 1000, 1000])
      await engine.ok(['rm', '-f', 'one'])
    })
  }

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
