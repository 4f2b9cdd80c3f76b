// Cgroups of real processes on this host, whatever its layout.

import { equal, deepEqual, ok, rejects, throws } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { detectCgroups, limitSupport } from './cgroup-layout.ts'
import { Cgroup } from './cgroup.ts'
import { parseEntry } from '../kernel/mount-table.ts'

const layout = detectCgroups()

/** A cgroup of its own in every hierarchy, with what is needed to put processes in. Emptied and removed at the end. */
function makeCgroup(): Cgroup & AsyncDisposable {
  const cgroup = new Cgroup(layout, `/gantry-cgroup-test-${randomBytes(4).toString('hex')}`)
  for (const mountPoint of new Set(layout.hierarchies.values())) mkdirSync(join(mountPoint, cgroup.path))
  const cpuset = layout.version === 1 ? cgroup.directory('cpuset') : undefined
  if (cpuset) {
    const support = limitSupport(layout)
    writeFileSync(join(cpuset, 'cpuset.cpus'), support.cpus)
    writeFileSync(join(cpuset, 'cpuset.mems'), support.mems)
  }
  return Object.assign(cgroup, {
    async [Symbol.asyncDispose]() {
      await cgroup.kill()
      await cgroup.remove()
    },
  })
}

/** A shell in the cgroup that prints a line, sleeps, and has a child that does too. */
async function runIn(directories: string[], command: string): Promise<ChildProcess> {
  const enter = directories.map(directory => `echo $$ > ${directory}/cgroup.procs`).join('\n')
  const child = spawn('sh', ['-e', '-c', `${enter}\n${command}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

describe('a cgroup', () => {
  it('is removed from the second version of a hybrid host too, where CRIU makes some', async () => {
    if (layout.second === undefined) return
    await using cgroup = makeCgroup()
    const top = join(layout.second, cgroup.path)
    mkdirSync(join(top, 'nested'), { recursive: true })
    await cgroup.remove()
    ok(!existsSync(top))
  })

  it('lists, freezes, thaws and kills everything in it and below it', async () => {
    await using cgroup = makeCgroup()
    const nested = cgroup.directories().map(directory => join(directory, 'nested'))
    for (const directory of nested) mkdirSync(directory)
    // Version 2 keeps processes in leaves only, so all go to the nested one there.
    const places = layout.version === 2 ? nested : cgroup.directories()
    const child = await runIn(places, 'sleep 1000 & echo ready; wait')
    equal(cgroup.pids().length, 2)
    ok(cgroup.pids().includes(child.pid ?? 0))

    await cgroup.freeze()
    ok(cgroup.isFrozen())
    await cgroup.thaw()
    ok(!cgroup.isFrozen())

    const exit = once(child, 'exit')
    await cgroup.kill()
    deepEqual(await exit, [null, 'SIGKILL'])
    deepEqual(cgroup.pids(), [])
  })

  it('dies while frozen', async () => {
    await using cgroup = makeCgroup()
    const child = await runIn(cgroup.directories(), 'echo ready; sleep 1000')
    await cgroup.freeze()
    const exit = once(child, 'exit')
    await cgroup.kill()
    deepEqual(await exit, [null, 'SIGKILL'])
  })

  it('dies although it forks all the time', async () => {
    await using cgroup = makeCgroup()
    const pids = cgroup.directory('pids')
    if (pids) writeFileSync(join(pids, 'pids.max'), '50')
    const bomb = 'echo ready; f() { f & f & }; while :; do f 2>/dev/null || :; done'
    const child = await runIn(cgroup.directories(), bomb)
    const exit = once(child, 'exit')
    await cgroup.kill()
    await exit
    deepEqual(cgroup.pids(), [])
  })

  it('is removed from every hierarchy with what is below it', async () => {
    const cgroup = makeCgroup()
    const directories = cgroup.directories()
    for (const directory of directories) mkdirSync(join(directory, 'a/b'), { recursive: true })
    await cgroup.remove()
    deepEqual(directories.filter(existsSync), [])
    await cgroup.remove()
  })

  it('has a counter of processes killed for lack of memory', async () => {
    await using cgroup = makeCgroup()
    const counter = cgroup.oomCounter()
    ok(counter)
    ok(new RegExp(`^${counter.key} 0$`, 'm').test(readFileSync(counter.path, 'utf8')))
  })

  it('refuses paths that are not its own', () => {
    for (const path of ['/', '', 'a', '/..', '/a/../b', '/a/', '//a', '/a\0']) {
      throws(() => new Cgroup(layout, path), /invalid cgroup path/)
    }
  })

  it('says when it cannot be frozen', async () => {
    const cgroup = new Cgroup({ version: 1, hybrid: false, hierarchies: new Map() }, '/x')
    await rejects(cgroup.freeze(), /freezer cgroup is not mounted/)
  })
})

const entry = (mountPoint: string, rest: string) => parseEntry(`31 23 0:28 / ${mountPoint} rw,relatime - ${rest}`)

describe('the layout', () => {
  it('is version 2 where /sys/fs/cgroup is', () => {
    const found = detectCgroups([entry('/sys/fs/cgroup', 'cgroup2 cgroup2 rw,nsdelegate')])
    equal(found.version, 2)
    equal(new Cgroup(found, '/g/x').directory('memory'), '/sys/fs/cgroup/g/x')
  })

  it('is version 1 with controllers that share a mount', () => {
    const found = detectCgroups([
      entry('/sys/fs/cgroup', 'tmpfs tmpfs rw'),
      entry('/sys/fs/cgroup/cpu,cpuacct', 'cgroup cgroup rw,cpu,cpuacct'),
      entry('/sys/fs/cgroup/systemd', 'cgroup cgroup rw,xattr,name=systemd'),
    ])
    equal(found.version, 1)
    equal(found.hybrid, false)
    equal(found.hierarchies.get('cpuacct'), '/sys/fs/cgroup/cpu,cpuacct')
    equal(found.hierarchies.get('name=systemd'), '/sys/fs/cgroup/systemd')
    equal(found.hierarchies.has('xattr'), false)
  })

  it('is hybrid with cgroup2 beside version 1', () => {
    const found = detectCgroups([
      entry('/sys/fs/cgroup/pids', 'cgroup cgroup rw,pids'),
      entry('/sys/fs/cgroup/unified', 'cgroup2 cgroup2 rw'),
    ])
    equal(found.version, 1)
    ok(found.hybrid)
  })

  it('needs cgroups', () => throws(() => detectCgroups([]), /No cgroups are mounted/))
})
