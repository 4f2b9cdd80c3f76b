// The AppArmor profile of containers, and loading it into a kernel that has AppArmor.

import { execFile, type ExecFileException } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { hasCode } from '../kernel/ffi.ts'
import { system } from '../lib/errors.ts'

/** The name under which the profile is loaded. */
export const defaultApparmorProfile = 'gantry-default'

const parser = '/sbin/apparmor_parser'

/** True if the kernel enforces AppArmor and profiles can be loaded. Without the parser it can't be used, as with dockerd. */
export function hasApparmor(): boolean {
  return read('/sys/module/apparmor/parameters/enabled').startsWith('Y') && existsSync(parser)
}

/** Loads the profile unless the kernel has it. Throws what the parser says: containers must not run without it. */
export async function ensureApparmorProfile(): Promise<void> {
  const loaded = read('/sys/kernel/security/apparmor/profiles')
  if (loaded.split('\n').some(line => line.startsWith(`${defaultApparmorProfile} (`))) return
  await parse(['-Kr'])
}

/** Gives the profile to the parser with `options`; it is read from standard input. */
function parse(options: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = execFile(parser, [...options], { timeout: 30_000 }, (error: ExecFileException | null, _, stderr) => {
    if (!error) return resolve()
    reject(system(`The AppArmor profile could not be loaded: ${stderr.trim() || error.message}`, { cause: error }))
  })
  child.stdin?.end(apparmorProfile(defaultApparmorProfile))
  return promise
}

/**
 * The profile: everything that capabilities and seccomp leave, but no mounts, no signals to or traces of processes outside
 * the container, and no writes to what /proc and /sys have for the whole host. It needs no files of the host to be parsed.
 */
export function apparmorProfile(name: string): string {
  return `
profile ${name} flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,

  # The engine and its runtime signal containers; containers signal themselves.
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (send,receive) peer=${name},
  ptrace (trace,read,tracedby,readby) peer=${name},

  deny mount,

  # Of /proc, processes' own directories may be written, and of /proc/sys the shared memory limits.
  deny /proc/* w,
  deny /proc/[^1-9s]*/** w,
  deny /proc/s[^y]*/** w,
  deny /proc/sy[^s]*/** w,
  deny /proc/sys[^/]*/** w,
  deny /proc/sys/[^k]** w,
  deny /proc/sys/kernel/{[^s]**,s[^h]**,sh[^m]**} w,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kcore rwklx,
  deny /proc/mem rwklx,
  deny /proc/kmem rwklx,

  # Of /sys, cgroups only, which are mounted read-only unless asked otherwise.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES', 'EINVAL')) return ''
    throw error
  }
}
