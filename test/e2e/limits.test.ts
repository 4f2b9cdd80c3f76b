// Limits and control groups of containers: a limit that ends one says so.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { removeCgroups } from '../kit/cgroups.ts'
import { create, inspect, remove, start } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

test('the daemon decides which cgroup namespace containers get that do not say', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox({ flags: ['--default-cgroupns-mode', 'private'] })
  await engine.ok(['create', '--name', 'unsaid', 'busybox'])
  await engine.ok(['create', '--name', 'said', '--cgroupns', 'host', 'busybox'])
  const modes = await engine.ok(['inspect', 'unsaid', 'said', '--format', '{{.HostConfig.CgroupnsMode}}'])
  assert.equal(modes, 'private\nhost')
})

test('a container out of memory is killed and says so', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  const eat = ['dd', 'if=/dev/zero', 'of=/dev/shm/x', 'bs=1M', 'count=32']
  const { code } = await engine.docker(['run', '--name', 'eater', '--memory', '16m', 'busybox', ...eat])
  assert.equal(code, 137)
  assert.equal(await engine.ok(['inspect', 'eater', '--format', '{{.State.OOMKilled}}']), 'true')
})

test('a parent cgroup does not lead out of the hierarchy', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  for (const parent of ['../inner', '/../../inner/', '/./inner/x/..//']) {
    const CgroupParent = parent.replaceAll('inner', `${engine.cgroupParent}/inner`)
    const id = await create(engine, 'child', { Cmd: ['sleep', '600'], HostConfig: { CgroupParent } })
    await start(engine, id)
    const { State: state } = await inspect(engine, id)
    assert.match(
      readFileSync(`/proc/${state.Pid}/cgroup`, 'utf8'),
      new RegExp(`:/${engine.cgroupParent}/inner/${id}$`, 'm'),
    )
    await remove(engine, id)
  }
  removeCgroups(`${engine.cgroupParent}/inner`)
  await assert.rejects(create(engine, 'none', { HostConfig: { CgroupParent: 'a\0b' } }), /invalid cgroup parent/)
})
