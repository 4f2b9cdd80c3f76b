// Values that are refused when a container is created: sysctls, modes, security options, limits.

import { deepEqual, doesNotThrow, equal, ok, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { array, assert as holds, constantFrom, property } from 'fast-check'
import { apparmorProfile } from './apparmor.ts'
import { capabilitiesOf, checkCapabilities } from './capabilities.ts'
import { readHostFacts } from './host.ts'
import { checkModes, containerOf } from './modes.ts'
import { escapeWarnings, parseVersion } from './runtime-version.ts'
import type { ResourceRequest } from './request.ts'
import { parseSecurityOptions } from './security.ts'
import { checkSysctls } from './sysctl.ts'
import { type LimitSupport, parseList, verifyRanges, verifyResources } from './verify.ts'

const own = { ipc: true, network: true, uts: true }
const shared = { ipc: false, network: false, uts: false }

const refusedShared = (name: string, why: string) =>
  throws(() => checkSysctls({ [name]: '1' }, shared), { message: `sysctl "${name}" ${why}` })

describe('a sysctl', () => {
  it('is allowed if it belongs to a namespace of the container', () => {
    for (const name of [
      'net.core.somaxconn',
      'net/ipv4/conf/eth0.1/forwarding',
      'kernel.shmmax',
      'fs.mqueue.msg_max',
    ]) {
      doesNotThrow(() => checkSysctls({ [name]: '1' }, own))
    }
  })

  it('is refused in a namespace that is the host’s', () => {
    refusedShared('net.core.somaxconn', 'not allowed in host network namespace')
    refusedShared('kernel.msgmax', 'is not allowed in the hosts ipc namespace')
    refusedShared('fs.mqueue.msg_max', 'is not allowed in the hosts ipc namespace')
    refusedShared('kernel.domainname', 'is not allowed in the hosts uts namespace')
  })

  it('is refused if it has no namespace', () => {
    for (const name of [
      'kernel.core_pattern',
      'vm.swappiness',
      'kernel/core_pattern',
      'fs.suid_dumpable',
      'network.x',
    ]) {
      throws(() => checkSysctls({ [name]: '1' }, own), /is not in a separate kernel namespace/)
    }
    throws(() => checkSysctls({ 'kernel.hostname': 'x' }, own), /conflicts with the OCI "hostname" field/)
  })

  it('cannot name another file or carry a second setting', () => {
    const hostile = [
      'net/../kernel/core_pattern',
      'net..x',
      '/net/x',
      'net.',
      'net./../x',
      'net.a/../../kernel/x',
      'net.x=1',
    ]
    for (const name of hostile) throws(() => checkSysctls({ [name]: '1' }, own), /sysctl/, name)
    for (const value of ['1\nkernel.core_pattern=|x', '1\0']) {
      throws(() => checkSysctls({ 'net.core.somaxconn': value }, own), /invalid sysctl/)
    }
  })

  it('of any spelling stays below net, kernel.shm… or fs.mqueue', () => {
    const part = constantFrom(
      'net',
      'kernel',
      'fs',
      'mqueue',
      '..',
      '.',
      '',
      'core_pattern',
      'shmmax',
      'a',
      '/',
      '=',
      '+',
    )
    holds(
      property(array(part, { maxLength: 6 }), constantFrom('.', '/'), (parts, separator) => {
        const name = parts.join(separator)
        try {
          checkSysctls({ [name]: '1' }, own)
        } catch {
          return
        }
        // As runtimes do: dots become slashes, or the other way round if a slash comes first.
        const path = /^[^./]*\//.test(name) ? name : name.replaceAll(/[./]/g, c => (c === '.' ? '/' : '.'))
        equal(/(^|\/)\.{1,2}(\/|$)|\/\//.test(path), false, path)
        equal(/^(net\/|fs\/mqueue\/|kernel\/(msg|sem|shm|domainname))/.test(path), true, path)
      }),
    )
  })
})

describe('a mode', () => {
  it('is one that exists', () => {
    doesNotThrow(() =>
      checkModes({ IpcMode: 'container:x', PidMode: 'host', UTSMode: '', CgroupnsMode: 'private', UsernsMode: null }),
    )
    throws(() => checkModes({ IpcMode: 'x' }), /Invalid IPC mode: x/)
    throws(() => checkModes({ PidMode: 'container:' }), /Invalid PID mode: container:/)
    throws(() => checkModes({ UTSMode: 'x' }), /Invalid UTS mode: x/)
    throws(() => checkModes({ CgroupnsMode: 'x' }), /invalid cgroup namespace mode: x/)
    throws(() => checkModes({ UsernsMode: 'x' }), /invalid user namespace mode/)
  })

  it('may name a container', () => {
    equal(containerOf('container:a:b'), 'a:b')
    equal(containerOf('host'), undefined)
  })
})

describe('capabilities', () => {
  const { capabilities: available } = readHostFacts()

  it('are read from the bits of a set', () => {
    deepEqual(capabilitiesOf('0000000000000003'), ['CAP_CHOWN', 'CAP_DAC_OVERRIDE'])
    equal(capabilitiesOf('000001ffffffffff').length, 41)
    equal(capabilitiesOf('000001ffffffffff').at(-1), 'CAP_CHECKPOINT_RESTORE')
  })

  it('are refused with the field at fault', () => {
    throws(() => checkCapabilities({ CapAdd: ['foo'] }, available), {
      message: 'invalid CapAdd: unknown capability: "CAP_FOO"',
    })
    throws(() => checkCapabilities({ CapDrop: ['cap_bar'] }, available), {
      message: 'invalid CapDrop: unknown capability: "CAP_BAR"',
    })
    throws(() => checkCapabilities({ CapAdd: ['BPF'] }, ['CAP_CHOWN']), /capability not supported by your kernel/)
  })
})

describe('a security option', () => {
  it('may have a colon, an equals sign in its value, or nothing', () => {
    deepEqual(
      parseSecurityOptions(['apparmor:x', 'seccomp={"a":"b=c"}', 'disable', 'label=type:t', 'writable-cgroups']),
      {
        noNewPrivileges: false,
        apparmor: 'x',
        seccomp: '{"a":"b=c"}',
        labels: ['disable', 'type:t'],
        unconfinedPaths: false,
        writableCgroups: true,
      },
    )
  })

  it('overrides what the daemon says', () => {
    equal(parseSecurityOptions([], true).noNewPrivileges, true)
    equal(parseSecurityOptions(['no-new-privileges=0'], true).noNewPrivileges, false)
    throws(() => parseSecurityOptions(['no-new-privileges=maybe']), /invalid --security-opt 2/)
    throws(() => parseSecurityOptions(['systempaths=x']), /invalid --security-opt 2/)
  })
})

const everything: LimitSupport = {
  memory: true,
  swap: true,
  swappiness: true,
  reservation: true,
  oomKillDisable: true,
  pids: true,
  cpuShares: true,
  cpuQuota: true,
  cpuRealtime: true,
  cpuset: true,
  cpus: '0-1',
  mems: '0',
  blkioWeight: true,
  blkioThrottle: true,
  cpuCount: 2,
}

const refused = (request: Parameters<typeof verifyResources>[0], message: string | RegExp) =>
  throws(() => verifyResources(request, everything), typeof message === 'string' ? { message } : message)

describe('limits', () => {
  it('are refused out of range, in dockerd’s words', () => {
    refused({ Memory: 1024 }, 'Minimum memory limit allowed is 6MB')
    refused({ MemorySwap: 1 << 24 }, 'You should always set the Memory limit when using Memoryswap limit, see usage')
    refused({ Memory: 1 << 24, MemorySwap: 1 << 23 }, /Minimum memoryswap limit should be larger/)
    refused({ MemorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100')
    refused({ MemoryReservation: 1 }, 'Minimum memory reservation allowed is 6MB')
    refused({ Memory: 1 << 23, MemoryReservation: 1 << 24 }, /can not be less than memory reservation limit/)
    refused({ NanoCpus: 3e9 }, 'Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available')
    refused({ NanoCpus: -1 }, /Range of CPUs/)
    refused({ NanoCpus: 1e9, CpuPeriod: 1000 }, 'Conflicting options: Nano CPUs and CPU Period cannot both be set')
    refused({ NanoCpus: 1e9, CpuQuota: 1000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set')
    refused({ CpuPeriod: 10 }, /CPU cfs period can not be less than 1ms/)
    refused({ CpuRealtimePeriod: 1, CpuRealtimeRuntime: 2 }, /runtime cannot be higher than cpu real-time period/)
    refused({ CpuQuota: 10 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)')
    refused({ CpusetCpus: '9' }, 'Requested CPUs are not available - requested 9, available: 0-1')
    refused({ CpusetCpus: 'x' }, 'Invalid value x for cpuset cpus: invalid format: x')
    refused({ CpusetMems: '1' }, 'Requested memory nodes are not available - requested 1, available: 0')
    refused({ BlkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000')
  })

  it('that the host cannot set are dropped with a warning', () => {
    const nothing = Object.fromEntries(Object.keys(everything).map(key => [key, false])) as unknown as LimitSupport
    const { request, warnings } = verifyResources(
      {
        Memory: 1 << 24,
        MemorySwap: 0,
        CpuShares: 5,
        PidsLimit: 5,
        BlkioWeight: 500,
        OomKillDisable: true,
        CpusetCpus: '0',
      },
      { ...nothing, cpus: '', mems: '', cpuCount: 2 },
    )
    equal(warnings.length, 6)
    equal(request.Memory, 0)
    equal(request.MemorySwap, -1)
    equal(request.PidsLimit, null)
    equal(request.CpusetCpus, '')
  })

  it('in range are kept', () => {
    const request = { Memory: 1 << 24, MemorySwap: -1, NanoCpus: 1.5e9, CpusetCpus: '0,1', PidsLimit: -1, CpuShares: 2 }
    deepEqual(verifyResources(request, everything), { request: { ...request, OomKillDisable: false }, warnings: [] })
  })

  it('that only Windows has are dropped or refused', () => {
    const { request, warnings } = verifyResources({ CpuPercent: 5 }, everything)
    deepEqual([request.CpuPercent, warnings], [0, ['linux does not support CPU percent. Percent discarded.']])
    for (const name of ['IOMaximumIOps', 'IOMaximumBandwidth'])
      throws(() => verifyResources({ [name]: 1 }, everything), { kind: 'invalid', message: /^Invalid QoS settings/ })
  })

  it('know whether the out-of-memory killer can be turned off', () => {
    const nothing: ResourceRequest = {}
    const without = { ...everything, oomKillDisable: false }
    equal(verifyResources(nothing, everything).request.OomKillDisable, false)
    deepEqual(verifyResources({ OomKillDisable: false }, without), { request: { OomKillDisable: null }, warnings: [] })
    equal(verifyResources({ OomKillDisable: true }, without).warnings.length, 1)
  })

  it('of other kinds are checked too', () => {
    throws(() => verifyRanges({ OomScoreAdj: 1001 }), /Invalid value 1001, range for oom score adj is \[-1000, 1000\]/)
    throws(() => verifyRanges({ CgroupParent: 'a\0b' }), /invalid cgroup parent/)
    throws(() => verifyRanges({ ShmSize: -1 }), /SHM size can not be less than 0/)
    throws(() => verifyRanges({ Annotations: { '': 'x' } }), /invalid Annotations/)
  })
})

describe('a list of CPUs', () => {
  it('has single ones and ranges', () => {
    deepEqual([...(parseList('0-2,7') ?? [])], [0, 1, 2, 7])
    for (const text of ['', '3-1', 'a', '0-', '-1', '0-4000000000', '99999', '1,,2'])
      equal(parseList(text), undefined, text)
  })
})

const warned = (name: string, version: string) => escapeWarnings(name, version).length === 1

describe('a runtime’s version', () => {
  it('is found in what it prints', () => {
    equal(parseVersion('crun version 1.8.1\ncommit: x\n'), '1.8.1')
    equal(parseVersion('runc version 1.1.5+ds1\nspec: 1.0.2-dev\n'), '1.1.5+ds1')
    equal(parseVersion('hello'), '')
  })

  it('is warned about if containers escape from it', () => {
    for (const version of ['1.1.5+ds1', '1.2.9', '1.3.6', '1.4.3', '1.5.2', '1.5.0-rc.1', ''])
      equal(warned('runc', version), true, version)
    for (const version of ['1.3.7', '1.3.7+ds1-2', '1.4.4', '1.5.3', '1.6.0', '2.0.0'])
      equal(warned('runc', version), false, version)
    for (const [version, result] of [
      ['1.8.1', true],
      ['1.30', true],
      ['1.31', false],
      ['1.31.1', false],
      ['2.0', false],
    ] as const)
      equal(warned('crun', version), result, version)
    equal(warned('youki', '0.1'), false)
  })
})

describe('the AppArmor profile', () => {
  const text = apparmorProfile('gantry-default')

  it('denies mounts and signals to others', () => {
    ok(/^ {2}deny mount,$/m.test(text))
    const signals = [...text.matchAll(/signal \((.*)\) peer=(.*),/g)].filter(([, access]) => access?.includes('send'))
    deepEqual(
      signals.map(([, , peer]) => peer),
      ['gantry-default'],
    )
  })

  it('denies writes to what /proc and /sys have for the whole host', () => {
    const denied = [...text.matchAll(/deny (\/\S+) \w*w\w*,/g)].map(([, glob = '']) => globPattern(glob))
    const isDenied = (path: string) => denied.some(pattern => pattern.test(path))
    const hostwide = [
      '/proc/sysrq-trigger',
      '/proc/sys/kernel/core_pattern',
      '/proc/sys/vm/swappiness',
      '/proc/irq/1/x',
    ]
    for (const path of [
      ...hostwide,
      '/proc/sys/kernel/modprobe',
      '/proc/scsi/scsi',
      '/sys/kernel/x',
      '/sys/fs/bpf/x',
      '/sys/firmware/x',
    ])
      ok(isDenied(path), path)
    for (const path of [
      '/proc/1/attr/exec',
      '/proc/4711/oom_score_adj',
      '/proc/sys/kernel/shmmax',
      '/sys/fs/cgroup/x',
      '/tmp/x',
    ])
      ok(!isDenied(path), path)
  })

  it('is one that the parser takes', {
    skip: !existsSync('/sbin/apparmor_parser') && 'apparmor is not installed',
  }, () => {
    execFileSync('/sbin/apparmor_parser', ['--skip-kernel-load', '--skip-cache'], { input: text })
  })
})

/** An AppArmor glob as a regular expression: `**` crosses slashes, `*` and `?` and classes do not. */
function globPattern(glob: string): RegExp {
  const source = glob
    .replaceAll('**', '\u0001')
    .replaceAll('*', '[^/]*')
    .replaceAll('\u0001', '.*')
    .replaceAll('{', '(?:')
    .replaceAll('}', ')')
    .replaceAll(',', '|')
    .replaceAll('[^', '(?!/)[^')
  return new RegExp(`^${source}$`)
}
