// What each option of a request changes in the spec.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatSpec } from '../oci/runtime-spec.ts'
import { defaultCapabilities } from './capabilities.ts'
import { defaultDeviceRules, readDeviceAccess } from './devices.ts'
import { readBlockIo } from './resources.ts'
import { host, specDefaults, specOf } from './testing.ts'

const caps = (CapAdd: string[], CapDrop: string[]) => specOf({ hostConfig: { CapAdd, CapDrop } })

const mayUnshare = (spec: ReturnType<typeof specOf>) =>
  spec.linux.seccomp?.syscalls?.some(({ names }) => names.includes('unshare'))

const options = (...SecurityOpt: string[]) => specOf({ hostConfig: { SecurityOpt } })

const device = (PathOnHost: string) => () => readDeviceAccess({ Devices: [{ PathOnHost }] })

describe('a request', () => {
  it('sets limits', () => {
    const { resources } = specOf({
      hostConfig: {
        Memory: 64 << 20,
        MemorySwap: 128 << 20,
        MemoryReservation: 32 << 20,
        MemorySwappiness: 10,
        OomKillDisable: true,
        NanoCpus: 500_000_000,
        CpuShares: 512,
        CpusetCpus: '0',
        PidsLimit: 10,
        BlkioWeight: 300,
      },
    }).linux
    deepEqual(resources.memory, {
      limit: 64 << 20,
      reservation: 32 << 20,
      swap: 128 << 20,
      swappiness: 10,
      disableOOMKiller: true,
    })
    deepEqual(resources.cpu, { shares: 512, period: 100_000, quota: 50_000, cpus: '0' })
    deepEqual(resources.pids, { limit: 10 })
    deepEqual(resources.blockIO, { weight: 300 })
  })

  it('lifts limits with zero and negative values', () => {
    const { resources } = specOf({
      hostConfig: { PidsLimit: 0, MemorySwap: -1, Memory: 1 << 23, MemorySwappiness: -1, OomKillDisable: false },
    }).linux
    deepEqual(resources.pids, undefined)
    deepEqual(resources.memory, { limit: 1 << 23 })
  })

  it('throttles devices by number', () => {
    const hostConfig = { BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1000 }] }
    deepEqual(specOf({ hostConfig }).linux.resources.blockIO, {
      throttleReadBpsDevice: [{ major: 1, minor: 3, rate: 1000 }],
    })
    throws(() => readBlockIo({ BlkioDeviceReadBps: [{ Path: '/nosuch', Rate: 1 }] }), /stat \/nosuch: no such file/)
    for (const [path, problem] of [
      ['/etc/passwd/x', 'not a directory'],
      ['/dev/nu\0ll', 'invalid argument'],
      [`/${'x'.repeat(300)}`, 'file name too long'],
    ] as const)
      throws(() => readBlockIo({ BlkioWeightDevice: [{ Path: path, Weight: 100 }] }), {
        kind: 'invalid',
        message: `stat ${path}: ${problem}`,
      })
  })

  it('adds and drops capabilities, and with them system calls', () => {
    deepEqual(caps(['net_admin'], ['CAP_CHOWN']).process.capabilities.bounding, [
      ...defaultCapabilities.slice(1),
      'CAP_NET_ADMIN',
    ])
    deepEqual(caps(['KILL'], ['ALL']).process.capabilities.bounding, ['CAP_KILL'])
    deepEqual(caps([], ['all']).process.capabilities.effective, [])
    deepEqual(
      caps(['ALL'], ['MKNOD']).process.capabilities.bounding,
      host.capabilities.filter(name => name !== 'CAP_MKNOD'),
    )
    equal(mayUnshare(specOf()), false)
    equal(mayUnshare(caps(['SYS_ADMIN'], [])), true)
    throws(() => caps(['foo'], []), /unknown capability: "CAP_FOO"/)
  })

  it('has no capabilities in effect for a user that is not root', () => {
    const user = { uid: 5, gid: 5, additionalGids: [5, 6], home: '/' }
    const { process } = specOf({ input: { user } })
    deepEqual(process.capabilities, { bounding: [...defaultCapabilities], effective: [], permitted: [] })
    deepEqual(process.user, { uid: 5, gid: 5, additionalGids: [5, 6] })
  })

  it('is privileged', () => {
    const spec = specOf({ hostConfig: { Privileged: true } })
    deepEqual(spec.process.capabilities.bounding, host.capabilities)
    equal(spec.linux.seccomp, undefined)
    equal(spec.linux.maskedPaths, undefined)
    equal(spec.linux.readonlyPaths, undefined)
    deepEqual(spec.linux.resources.devices, [{ allow: true, access: 'rwm' }])
    ok(spec.linux.devices?.some(({ path, major, minor }) => path === '/dev/null' && major === 1 && minor === 3))
    for (const mount of spec.mounts) ok(!mount.options.includes('ro'), mount.destination)
  })

  it('has security options', () => {
    equal(options('no-new-privileges').process.noNewPrivileges, true)
    equal(options('no-new-privileges=false').process.noNewPrivileges, undefined)
    equal(options('seccomp=unconfined').linux.seccomp, undefined)
    equal(options('systempaths=unconfined').linux.maskedPaths, undefined)
    equal(options('label=disable').linux.mountLabel, undefined)
    equal(options('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}').linux.seccomp?.defaultAction, 'SCMP_ACT_ALLOW')
    throws(() => options('seccomp=nonsense'), /Decoding seccomp profile failed/)
    throws(() => options('foo'), /^GantryError: invalid --security-opt 1: "foo"$/)
    throws(() => options('foo=bar'), /^GantryError: invalid --security-opt 2: "foo=bar"$/)
  })

  it('keeps empty lists of paths, which mean nothing is masked', () => {
    const { linux } = specOf({ hostConfig: { MaskedPaths: [], ReadonlyPaths: ['/x'] } })
    equal(linux.maskedPaths, undefined)
    deepEqual(linux.readonlyPaths, ['/x'])
  })

  it('does not run without seccomp on a host that has none, unless it is asked to', () => {
    const input = { host: { ...host, seccomp: false } }
    throws(() => specOf({ input }), /seccomp is not enabled/)
    equal(specOf({ input, hostConfig: { SecurityOpt: ['seccomp=unconfined'] } }).linux.seccomp, undefined)
    equal(specOf({ input, hostConfig: { Privileged: true } }).linux.seccomp, undefined)
  })

  it('runs under AppArmor where the host has it', () => {
    const input = { host: { ...host, apparmor: true } }
    equal(specOf({ input }).process.apparmorProfile, 'gantry-default')
    equal(specOf({ input, hostConfig: { Privileged: true } }).process.apparmorProfile, 'unconfined')
    equal(specOf({ input, hostConfig: { SecurityOpt: ['apparmor=mine'] } }).process.apparmorProfile, 'mine')
    throws(() => specOf({ hostConfig: { SecurityOpt: ['apparmor=mine'] } }), /AppArmor is not enabled/)
  })

  it('shares namespaces with the host', () => {
    const modes = { NetworkMode: 'host', PidMode: 'host', IpcMode: 'host', UTSMode: 'host' }
    const spec = specOf({ hostConfig: modes })
    deepEqual(spec.linux.namespaces, [{ type: 'mount' }])
    equal(spec.hostname, undefined)
    equal(spec.linux.sysctl, undefined)
  })

  it('joins namespaces by path and makes a cgroup namespace', () => {
    const spec = specOf({
      hostConfig: { CgroupnsMode: 'private', PidMode: 'container:y', NetworkMode: 'container:y' },
      input: { namespaces: { network: '/n', pid: '/p', ipc: '/i' } },
    })
    deepEqual(spec.linux.namespaces, [
      { type: 'mount' },
      { type: 'network', path: '/n' },
      { type: 'uts' },
      { type: 'pid', path: '/p' },
      { type: 'ipc', path: '/i' },
      { type: 'cgroup' },
    ])
    equal(spec.linux.sysctl, undefined)
  })

  it('puts an init first, unless the pid namespace is shared', () => {
    const spec = specOf({ hostConfig: { Init: true } })
    deepEqual(spec.process.args, ['/sbin/docker-init', '--', 'sh'])
    deepEqual(spec.mounts.at(-1), {
      destination: '/sbin/docker-init',
      type: 'bind',
      source: '/usr/libexec/gantry-init',
      options: ['bind', 'ro'],
    })
    deepEqual(specOf({ hostConfig: { Init: true, PidMode: 'host' } }).process.args, ['sh'])
  })

  it('has a terminal with a size', () => {
    const { process } = specOf({ config: { Tty: true }, hostConfig: { ConsoleSize: [24, 80] } })
    equal(process.terminal, true)
    deepEqual(process.consoleSize, { height: 24, width: 80 })
    ok(process.env.includes('TERM=xterm'))
  })

  it('sets and unsets variables', () => {
    const { env } = specOf({ config: { Env: ['A=1', 'PATH=/x', 'HOSTNAME', 'HOME=/h', 'A=2', 'E='] } }).process
    deepEqual(env, ['PATH=/x', 'A=2', 'HOME=/h', 'E='])
  })

  it('sets ulimits over the daemon’s, and unlimited ones exactly', () => {
    const defaults = { ...specDefaults, ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }] }
    const Ulimits = [{ Name: 'core', Soft: -1, Hard: -1 }]
    const spec = specOf({ hostConfig: { Ulimits }, input: { defaults } })
    ok(formatSpec(spec).includes('{"type":"RLIMIT_CORE","soft":18446744073709551615,"hard":18446744073709551615}'))
    deepEqual(spec.process.rlimits?.[1], { type: 'RLIMIT_NOFILE', soft: 1, hard: 2 })
    const own = [{ Name: 'nofile', Soft: 5, Hard: 6 }]
    deepEqual(specOf({ hostConfig: { Ulimits: own }, input: { defaults } }).process.rlimits, [
      { type: 'RLIMIT_NOFILE', soft: 5, hard: 6 },
    ])
  })

  it('has a domain name, annotations, a workdir, a read-only root and a score', () => {
    const spec = specOf({
      config: { Domainname: 'example', WorkingDir: '/w' },
      hostConfig: { Annotations: { a: 'b' }, ReadonlyRootfs: true, OomScoreAdj: 500 },
    })
    equal(spec.linux.sysctl?.['kernel.domainname'], 'example')
    deepEqual(spec.annotations, { a: 'b' })
    equal(spec.process.cwd, '/w')
    equal(spec.root.readonly, true)
    equal(spec.process.oomScoreAdj, 500)
  })

  it('gives devices with their permissions', () => {
    const { linux } = specOf({
      hostConfig: {
        Devices: [{ PathOnHost: '/dev/zero', PathInContainer: '/dev/nothing', CgroupPermissions: 'r' }],
        DeviceCgroupRules: ['c 7:* rw'],
      },
    })
    deepEqual(linux.devices, [{ path: '/dev/nothing', type: 'c', major: 1, minor: 5, fileMode: 0o666, uid: 0, gid: 0 }])
    deepEqual(linux.resources.devices?.slice(defaultDeviceRules.length), [
      { allow: true, type: 'c', major: 1, minor: 5, access: 'r' },
      { allow: true, type: 'c', major: 7, access: 'rw' },
    ])
    const gathering = 'error gathering device information while adding custom device'
    throws(device('/nosuch'), new RegExp(`${gathering} "/nosuch": no such file or directory`))
    throws(device('/etc/passwd'), new RegExp(`${gathering} "/etc/passwd": not a device node`))
    throws(() => readDeviceAccess({ DeviceCgroupRules: ['x'] }), /invalid device cgroup rule format: 'x'/)
  })
})
