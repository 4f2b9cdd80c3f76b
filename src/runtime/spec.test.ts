// The default container's spec, item by item, and how mounts are ordered.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IsolationRequest } from './request.ts'
import type { SpecInput } from './spec.ts'
import { specOf } from './testing.ts'

const fourteen =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map(name => `CAP_${name}`)

describe('the default container', () => {
  const spec = specOf()

  it('has fourteen capabilities, none inheritable or ambient', () => {
    deepEqual(spec.process.capabilities, { bounding: fourteen, effective: fourteen, permitted: fourteen })
  })

  it('has namespaces of its own', () => {
    deepEqual(
      spec.linux.namespaces.map(({ type, path }) => [type, path]),
      ['mount', 'network', 'uts', 'pid', 'ipc'].map(type => [type, undefined]),
    )
  })

  it('sees neither the host’s state nor its hardware', () => {
    const inProc = 'acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats'
    const inSys = 'devices/virtual/powercap firmware'
    const throttle = 'devices/system/cpu/cpu0/thermal_throttle devices/system/cpu/cpu1/thermal_throttle'
    deepEqual(spec.linux.maskedPaths, [
      ...inProc.split(' ').map(name => `/proc/${name}`),
      ...`${inSys} ${throttle}`.split(' ').map(name => `/sys/${name}`),
    ])
    deepEqual(spec.linux.readonlyPaths, ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'])
  })

  it('mounts the system’s file systems without set-user-ID, devices and programs', () => {
    deepEqual(
      spec.mounts.map(({ destination, type, options }) => [destination, type, options.join()]),
      [
        ['/proc', 'proc', 'nosuid,noexec,nodev'],
        ['/dev', 'tmpfs', 'nosuid,strictatime,mode=755,size=65536k'],
        ['/dev/pts', 'devpts', 'nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5'],
        ['/sys', 'sysfs', 'nosuid,noexec,nodev,ro'],
        ['/sys/fs/cgroup', 'cgroup', 'ro,nosuid,noexec,nodev'],
        ['/dev/mqueue', 'mqueue', 'nosuid,noexec,nodev'],
        ['/dev/shm', 'tmpfs', 'nosuid,noexec,nodev,mode=1777,size=67108864'],
      ],
    )
  })

  it('may use no devices but the harmless ones', () => {
    const rules = spec.linux.resources.devices?.map(({ allow, type, major, minor, access }) =>
      [allow ? 'allow' : 'deny', type, major, minor, access].filter(part => part !== undefined).join(' '),
    )
    deepEqual(rules, [
      'deny rwm',
      ...['1 5', '1 3', '1 9', '1 8', '5 0', '5 1'].map(number => `allow c ${number} rwm`),
      'deny c 10 229 rwm',
    ])
  })

  it('has the environment that images rely on', () => {
    deepEqual(spec.process.env, [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'HOSTNAME=0123456789ab',
      'HOME=/root',
    ])
  })

  it('may ping and listen on low ports as any user', () => {
    deepEqual(spec.linux.sysctl, {
      'net.ipv4.ping_group_range': '0 2147483647',
      'net.ipv4.ip_unprivileged_port_start': '0',
    })
  })

  it('is filtered, keeps privileges of set-user-ID programs, and has no limits', () => {
    equal(spec.linux.seccomp?.defaultAction, 'SCMP_ACT_ERRNO')
    equal(spec.process.noNewPrivileges, undefined)
    deepEqual(Object.keys(spec.linux.resources), ['devices'])
    equal(spec.root.readonly, undefined)
    equal(spec.linux.rootfsPropagation, undefined)
  })
})

const bind = (destination: string, ...options: string[]) => ({
  destination,
  type: 'bind',
  source: '/s',
  options: ['rbind', ...options],
})

const destinations = (...mounts: ReturnType<typeof bind>[]) =>
  specOf({ input: { mounts } }).mounts.map(({ destination }) => destination)

const shm = (input: Partial<SpecInput>, hostConfig: IsolationRequest = {}) =>
  specOf({ input, hostConfig }).mounts.find(({ destination }) => destination === '/dev/shm')

describe('mounts', () => {
  it('come in order of depth after the system’s', () => {
    deepEqual(destinations(bind('/a/b/c'), bind('/a'), bind('/a/b'), bind('/x/y')).slice(-4), [
      '/a',
      '/a/b',
      '/x/y',
      '/a/b/c',
    ])
  })

  it('replace the system’s', () => {
    deepEqual(
      destinations(bind('/dev')).filter(path => path.startsWith('/dev')),
      ['/dev'],
    )
    equal(destinations(bind('/dev/shm')).filter(path => path === '/dev/shm').length, 1)
  })

  it('decide the propagation of the root', () => {
    const propagation = (...mounts: ReturnType<typeof bind>[]) => specOf({ input: { mounts } }).linux.rootfsPropagation
    equal(propagation(bind('/a', 'rprivate')), undefined)
    equal(propagation(bind('/a', 'rslave')), 'rslave')
    equal(propagation(bind('/a', 'rslave'), bind('/b', 'rshared')), 'shared')
  })

  it('have /dev/shm as asked', () => {
    equal(shm({ shm: { kind: 'none' } }), undefined)
    equal(shm({ shm: { kind: 'bind', source: '/dev/shm' } })?.source, '/dev/shm')
    ok(shm({}, { ShmSize: 1024 })?.options.includes('size=1024'))
  })
})
