// Containers run for real by the installed runtimes: what the spec promises is what a process inside finds.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { formatSpec } from '../oci/runtime-spec.ts'
import { Cgroups } from './cgroup.ts'
import { readHostFacts } from './host.ts'
import { type ProbedRuntime, fastestRuntime, knownRuntimes, probeRuntimes } from './probe.ts'
import { Runtimes } from './runtimes.ts'
import { type Change, specDefaults, specOf } from './testing.ts'

const run = promisify(execFile)
const repository = join(import.meta.dirname, '../..')
const initPath = join(repository, 'build/gantry-init')
const busybox = '/bin/busybox'
const cgroups = new Cgroups()
const cgroupParent = `/gantry-run-test-${randomBytes(4).toString('hex')}`

const scratch = mkdtempSync(join(tmpdir(), 'gantry-run-'))
after(() => rmSync(scratch, { recursive: true }))
const remembered = new Map<string, string>()
const cache = {
  get: (key: string) => remembered.get(key),
  set: (key: string, value: string) => void remembered.set(key, value),
}
const probe = (candidates = knownRuntimes) =>
  probeRuntimes(candidates, { initPath, scratch, cgroupParent, host: readHostFacts(), cache })

await run('make', ['-s', '-C', join(repository, 'shim'), '-f', 'init.mk'])
const probed = await probe()

/** Runs a shell script in a container and returns what it prints, with its exit code. */
async function inContainer(runtime: ProbedRuntime, script: string, change: Change = {}) {
  const id = `test-${randomBytes(6).toString('hex')}`
  const bundle = join(scratch, id)
  const rootfsPath = join(bundle, 'rootfs')
  mkdirSync(join(rootfsPath, 'bin'), { recursive: true })
  copyFileSync(busybox, join(rootfsPath, 'bin/busybox'))
  symlinkSync('busybox', join(rootfsPath, 'bin/sh'))
  const cgroupsPath = `${cgroupParent}/${id}`
  const spec = specOf({
    ...change,
    input: {
      rootfsPath,
      cgroupsPath,
      args: ['/bin/sh', '-c', script],
      host: readHostFacts(),
      defaults: { ...specDefaults, initPath },
      ...change.input,
    },
  })
  writeFileSync(join(bundle, 'config.json'), formatSpec(spec))
  const detach = cgroups.layout.hybrid ? 'umount -l /sys/fs/cgroup/unified && ' : ''
  const command = [runtime.path, '--root', join(bundle, 'state'), 'run', '--bundle', bundle, id]
  try {
    const { stdout, stderr } = await run('unshare', ['--mount', 'sh', '-c', `${detach}exec "$@"`, 'sh', ...command])
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  } finally {
    await cgroups.clear(cgroupsPath)
    cgroups.at(cgroupParent).removeIfEmpty()
    rmSync(bundle, { recursive: true })
  }
}

const status = (text: string, field: string) => new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1]
const bb = (command: string) => `busybox ${command}`

describe('probing', () => {
  it('finds a runtime that works, and says why others do not', async () => {
    ok(fastestRuntime(probed), JSON.stringify(probed))
    const bad = [
      { name: 'false', path: '/bin/false' },
      { name: 'gone', path: '/nosuch/runtime' },
    ]
    const [fails, missing] = await probe(bad)
    equal(fails?.works, false)
    ok(fails?.reason)
    equal(missing?.reason, 'it is not installed')
    const runtimes = new Runtimes([...probed, fails].filter(found => found !== undefined))
    equal(runtimes.get('').name, runtimes.defaultName)
    ok(!['false', 'gone'].includes(runtimes.defaultName))
  })

  it('remembers what works', async () => {
    const kept = remembered.size
    deepEqual(await probe(), probed)
    equal(remembered.size, kept)
    ok(kept > 0)
  })

  it('leaves nothing behind', () => deepEqual(cgroups.at(cgroupParent).directories(), []))
})

for (const { name } of knownRuntimes) {
  const runtime = probed.find(found => found.name === name)
  const inside = (script: string, change?: Change) => {
    ok(runtime?.works, `${name} does not work here: ${runtime?.reason}`)
    return inContainer(runtime, script, change)
  }
  describe(`a container of ${name}`, { skip: !existsSync(busybox) && 'busybox-static is not installed' }, () => {
    it('has the capabilities and the filter of the default profile', async () => {
      const { stdout } = await inside(bb('cat /proc/self/status'))
      equal(status(stdout, 'CapBnd'), '00000000a80425fb')
      equal(status(stdout, 'CapEff'), '00000000a80425fb')
      equal(status(stdout, 'CapInh'), '0000000000000000')
      equal(status(stdout, 'CapAmb'), '0000000000000000')
      equal(status(stdout, 'Seccomp'), '2')
      equal(status(stdout, 'NoNewPrivs'), '0')
    })

    it('has no capabilities as another user, and the groups it should', async () => {
      const user = { uid: 1000, gid: 1001, additionalGids: [1001, 50], home: '/' }
      const { stdout } = await inside(bb('cat /proc/self/status'), { input: { user } })
      equal(status(stdout, 'CapEff'), '0000000000000000')
      equal(status(stdout, 'CapPrm'), '0000000000000000')
      equal(status(stdout, 'Uid'), '1000\t1000\t1000\t1000')
      equal(status(stdout, 'Groups')?.trim().split(' ').toSorted().join(), '1001,50')
    })

    it('cannot mount, unshare or change what is read-only', async () => {
      const script = `busybox mount -t tmpfs x /bin; echo $?; busybox unshare -m true; echo $?
        echo 1 2>&- > /proc/sys/kernel/sysrq; echo $?; busybox head -c1 /proc/kcore | busybox wc -c`
      const { stdout } = await inside(script)
      const [mounted, unshared, written, read] = stdout.trim().split('\n')
      ok(Number(mounted) > 0 && Number(unshared) > 0 && Number(written) > 0, stdout)
      equal(read, '0')
    })

    it('has its limits', async () => {
      const hostConfig = {
        Memory: 32 << 20,
        PidsLimit: 20,
        NanoCpus: 250_000_000,
        Ulimits: [{ Name: 'nofile', Soft: 64, Hard: 65 }],
      }
      const script = `ulimit -n; ulimit -H -n; busybox cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max
        busybox cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max`
      const { stdout } = await inside(script, { hostConfig: { ...hostConfig, CgroupnsMode: 'private' } })
      deepEqual(stdout.trim().split('\n'), ['64', '65', String(32 << 20), '20'])
    })

    it('starts in a working directory that is made for it, and not through a leaked descriptor', async () => {
      equal((await inside('pwd', { config: { WorkingDir: '/made/for/it' } })).stdout, '/made/for/it\n')
      for (const fd of [3, 6, 7, 8, 9]) {
        const { code, stdout } = await inside(bb('ls -d ../../../etc/passwd'), {
          config: { WorkingDir: `/proc/self/fd/${fd}` },
        })
        ok(code !== 0, `descriptor ${fd}: ${stdout}`)
      }
    })

    it('has tmpfs, read-only binds as deep as they go, and a read-only root', async () => {
      const source = join(scratch, 'source')
      mkdirSync(source, { recursive: true })
      const recursive = runtime?.recursiveReadonly ? 'rro' : 'ro'
      const mounts = [
        { destination: '/t', type: 'tmpfs', source: 'tmpfs', options: ['noexec', 'nosuid', 'nodev', 'size=1m'] },
        { destination: '/t/b', type: 'bind', source, options: ['rbind', recursive, 'rprivate'] },
      ]
      const script = 'for d in /t /t/b / /dev/shm; do busybox touch $d/x 2>&-; echo $?; done'
      const { stdout } = await inside(script, { hostConfig: { ReadonlyRootfs: true }, input: { mounts } })
      equal(stdout, '0\n1\n1\n0\n')
    })

    it('has an init that reaps, passes signals on and tells the exit code', async () => {
      const script = `[ $$ = 1 ] && exit 9; (busybox sleep 0 & ) ; busybox ps -o comm,pid | busybox head -2; exit 5`
      const { code, stdout } = await inside(script, { hostConfig: { Init: true } })
      equal(code, 5)
      ok(/docker-init\s+1\b/.test(stdout), stdout)
      const byTerm = await inside('kill -TERM 1; busybox sleep 100', { hostConfig: { Init: true } })
      equal(byTerm.code, 128 + 15)
    })

    it('takes the sysctls of its namespaces', async () => {
      const { stdout } = await inside(
        bb('cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/core/somaxconn'),
        {
          hostConfig: { Sysctls: { 'net.core.somaxconn': '77' } },
        },
      )
      equal(stdout, '0\n77\n')
    })
  })
}
