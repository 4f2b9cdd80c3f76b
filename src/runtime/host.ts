// Facts about this host that decide what a container can be given; read once, then passed in.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { arch, cpus, release } from 'node:os'
import { hasCode } from '../kernel/ffi.ts'
import { hasApparmor } from './apparmor.ts'
import { capabilitiesOf } from './capabilities.ts'

/** What the kernel has and the daemon may use. */
export interface HostFacts {
  /** libseccomp's name of the native architecture. */
  architecture: string
  kernelRelease: string
  /** The kernel can filter system calls. */
  seccomp: boolean
  /** AppArmor is enabled and profiles can be loaded. */
  apparmor: boolean
  selinux: boolean
  /** Capabilities in the daemon's own bounding set. */
  capabilities: readonly string[]
  cpuCount: number
  /** CPUs with a thermal_throttle directory in sysfs. */
  throttledCpus: readonly number[]
  /** Which of the sysctls that containers get by default exist here. */
  sysctls: ReadonlySet<string>
}

/** Sysctls of a new network namespace: ping and low ports without privileges. */
export const defaultSysctls: Readonly<Record<string, string>> = {
  'net.ipv4.ping_group_range': '0 2147483647',
  'net.ipv4.ip_unprivileged_port_start': '0',
}

/** Reads the facts; a few small files, so it takes less than a millisecond. */
export function readHostFacts(): HostFacts {
  const status = readFileSync('/proc/self/status', 'utf8')
  return {
    architecture: architectureNames[arch()] ?? arch(),
    kernelRelease: release(),
    seccomp: /^Seccomp:/m.test(status),
    apparmor: hasApparmor(),
    selinux: existsSync('/sys/fs/selinux/enforce'),
    capabilities: capabilitiesOf(/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'),
    cpuCount: cpus().length,
    throttledCpus: throttledCpus(),
    sysctls: new Set(Object.keys(defaultSysctls).filter(name => existsSync(sysctlPath(name)))),
  }
}

// Node's names that differ from libseccomp's.
const architectureNames: Record<string, string> = {
  x64: 'amd64',
  ia32: 'x86',
  loong64: 'loongarch64',
  ppc64: 'ppc64le',
}

const sysctlPath = (name: string) => `/proc/sys/${name.replaceAll('.', '/')}`

function throttledCpus(): number[] {
  const root = '/sys/devices/system/cpu'
  return names(root)
    .map(name => /^cpu(\d+)$/.exec(name)?.[1])
    .filter(number => number !== undefined && existsSync(`${root}/cpu${number}/thermal_throttle`))
    .map(Number)
    .toSorted((a, b) => a - b)
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
