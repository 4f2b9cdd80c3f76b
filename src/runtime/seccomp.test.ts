// The default seccomp profile's promises, and custom profiles.

import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SeccompRule } from '../oci/runtime-spec.ts'
import { defaultCapabilities } from './capabilities.ts'
import { defaultProfile } from './seccomp-profile.ts'
import { compileSeccomp, parseProfile } from './seccomp.ts'

const context = { capabilities: defaultCapabilities, architecture: 'amd64', kernelRelease: '6.1.0-18-amd64' }
const compiled = (change: Partial<typeof context> = {}) => compileSeccomp(defaultProfile, { ...context, ...change })
const rulesFor = (name: string, change: Partial<typeof context> = {}): SeccompRule[] =>
  compiled(change)?.syscalls?.filter(({ names }) => names.includes(name)) ?? []

const masked = (index: number) => ({ index, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' })

const allowed = (family: bigint) =>
  rulesFor('socket').some(({ args = [] }) =>
    args.every(({ op, value }) => (op === 'SCMP_CMP_LT' ? family < BigInt(value) : family === BigInt(value))),
  )

describe('the default profile', () => {
  it('refuses what it does not know with EPERM', () => {
    equal(compiled()?.defaultAction, 'SCMP_ACT_ERRNO')
    equal(compiled()?.defaultErrnoRet, 1)
  })

  it('covers the architectures a processor also runs', () => {
    deepEqual(compiled()?.architectures, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'])
    deepEqual(compiled({ architecture: 'arm64' })?.architectures, ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'])
  })

  it('never has the calls that containers escaped with', () => {
    const everything = { capabilities: defaultCapabilities.concat('CAP_SYS_ADMIN', 'CAP_BPF', 'CAP_SYS_PTRACE') }
    const never = ['keyctl', 'add_key', 'request_key', 'userfaultfd', 'kexec_load', 'kexec_file_load', 'pivot_root']
    for (const name of [...never, 'io_uring_setup', 'io_uring_enter', 'io_uring_register', 'nfsservctl']) {
      deepEqual(rulesFor(name, everything), [], name)
    }
  })

  it('gives some calls to those with the capability only', () => {
    const cases = {
      CAP_SYS_ADMIN: ['bpf', 'mount', 'umount2', 'unshare', 'setns', 'perf_event_open', 'fsopen', 'move_mount'],
      CAP_SYS_MODULE: ['init_module', 'finit_module', 'delete_module'],
      CAP_SYS_TIME: ['settimeofday', 'clock_settime'],
      CAP_SYS_BOOT: ['reboot'],
      CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
      CAP_SYS_RAWIO: ['iopl', 'ioperm'],
      CAP_SYSLOG: ['syslog'],
      CAP_BPF: ['bpf'],
      CAP_PERFMON: ['perf_event_open'],
      CAP_SYS_NICE: ['mbind', 'set_mempolicy'],
      CAP_SYS_PTRACE: ['kcmp', 'process_madvise'],
      CAP_SYS_TTY_CONFIG: ['vhangup'],
      CAP_SYS_PACCT: ['acct'],
    }
    for (const [capability, names] of Object.entries(cases)) {
      for (const name of names) {
        deepEqual(rulesFor(name), [], name)
        equal(rulesFor(name, { capabilities: [capability] }).length, 1, `${name} with ${capability}`)
      }
    }
    deepEqual(rulesFor('chroot', { capabilities: [] }), [])
    equal(rulesFor('chroot').length, 1)
  })

  it('lets clone make no namespaces, and hides clone3', () => {
    deepEqual(
      rulesFor('clone').map(({ args }) => args),
      [[masked(0)]],
    )
    deepEqual(
      rulesFor('clone', { architecture: 's390x' }).map(({ args }) => args),
      [[masked(1)]],
    )
    deepEqual(rulesFor('clone3'), [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }])
    deepEqual(
      rulesFor('clone', { capabilities: ['CAP_SYS_ADMIN'] }).map(({ args }) => args),
      [undefined],
    )
  })

  it('has no sockets of AF_ALG and AF_VSOCK, whatever the upper half of the register holds', () => {
    for (const family of [0n, 1n, 2n, 10n, 16n, 17n, 37n, 39n, 41n, 44n, 45n]) ok(allowed(family), `${family}`)
    for (const family of [38n, 40n, 46n, (1n << 32n) + 38n, (1n << 63n) + 40n]) ok(!allowed(family), `${family}`)
  })

  it('has five personalities', () => {
    deepEqual(
      rulesFor('personality').map(({ args }) => args?.[0]?.value),
      [0, 8, 0x20000, 0x20008, 0xffffffff],
    )
  })

  it('has ptrace only where it cannot be used to get around the filter', () => {
    equal(rulesFor('ptrace').length, 1)
    deepEqual(rulesFor('ptrace', { kernelRelease: '4.7.9' }), [])
    equal(rulesFor('ptrace', { kernelRelease: '4.10.0' }).length, 1)
  })

  it('has calls of an architecture there only', () => {
    equal(rulesFor('arch_prctl').length, 1)
    deepEqual(rulesFor('arch_prctl', { architecture: 'arm64' }), [])
    equal(rulesFor('riscv_flush_icache', { architecture: 'riscv64' }).length, 1)
  })

  it('allows 361 calls to everyone, each once', () => {
    const [first] = defaultProfile.syscalls ?? []
    equal(first?.names?.length, 361)
    equal(new Set(first?.names).size, 361)
  })
})

const compile = (profile: object) => compileSeccomp(parseProfile(JSON.stringify(profile)), context)

const refused = (profile: unknown, why: RegExp) => throws(() => parseProfile(JSON.stringify(profile)), why)

describe('a custom profile', () => {
  it('may be in the old form with a name per rule', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [{ name: 'clone', action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] }],
    }
    deepEqual(compile(profile), {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [{ names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' }] }],
    })
  })

  it('asks for no filter if it is empty', () => equal(compile({}), undefined))

  it('keeps flags, listeners and the errno', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      listenerPath: '/l',
      listenerMetadata: 'm',
    }
    deepEqual(compile(profile), { ...profile, syscalls: [] })
  })

  it('is refused if it is wrong', () => {
    throws(() => parseProfile('{'), /Decoding seccomp profile failed/)
    for (const value of [null, 1, 'x', []]) refused(value, /Decoding seccomp profile failed/)
    refused({ syscalls: [{ names: [1], action: 'x' }] }, /syscalls is not a list of rules/)
    refused({ syscalls: [{ names: ['a'], action: 'x', args: [{ index: -1, value: 0, op: '' }] }] }, /list of rules/)
    refused({ architectures: ['a'], archMap: [{ architecture: 'b' }] }, /both 'architectures' and 'archMap'/)
    refused({ syscalls: [{ name: 'a', names: ['b'], action: 'x' }] }, /both 'name' and 'names'/)
    refused({ syscalls: [{ names: ['a'], action: 'x', includes: { minKernel: '4' } }] }, /invalid kernel version: "4"/)
    // 2⁶⁴−1 would silently become 2⁶⁴.
    throws(
      () =>
        parseProfile(
          '{"syscalls":[{"names":["a"],"action":"x","args":[{"index":0,"value":18446744073709551615,"op":"x"}]}]}',
        ),
      /list of rules/,
    )
  })
})
