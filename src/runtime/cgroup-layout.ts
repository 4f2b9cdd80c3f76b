// How this host's cgroups are laid out: version 2, version 1, or both (cgroups(7)), and what they can limit.

import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { hasCode } from '../kernel/ffi.ts'
import { system } from '../lib/errors.ts'
import { type MountEntry, readMountTable } from '../kernel/mount-table.ts'
import { isWithin } from '../lib/paths.ts'
import type { LimitSupport } from './verify.ts'

/** Where each controller's hierarchy is mounted. */
export interface CgroupLayout {
  version: 1 | 2
  /** Version 1 with an additional cgroup2 mount, which some runtimes can't cope with. */
  hybrid: boolean
  /** Mount points by controller; version 2 has one, under the name `unified`. */
  hierarchies: ReadonlyMap<string, string>
  /** Where the cgroup2 mount of a hybrid host is: only CRIU makes cgroups of containers there. */
  second?: string
}

const root = '/sys/fs/cgroup'

/** Finds the layout in the mount table. Throws if no cgroups are mounted. */
export function detectCgroups(table: readonly MountEntry[] = readMountTable()): CgroupLayout {
  // A chroot elsewhere may have the hierarchies mounted as well.
  const own = table.filter(entry => isWithin(entry.mountPoint, root))
  const unified = own.filter(entry => entry.fileSystem === 'cgroup2')
  // The last mount at the place hides those before it.
  if (table.findLast(entry => entry.mountPoint === root)?.fileSystem === 'cgroup2') {
    return { version: 2, hybrid: false, hierarchies: new Map([['unified', root]]) }
  }
  const hierarchies = new Map<string, string>()
  for (const entry of own.filter(({ fileSystem }) => fileSystem === 'cgroup')) {
    for (const controller of controllersOf(entry)) hierarchies.set(controller, entry.mountPoint)
  }
  if (hierarchies.size === 0) throw system(`No cgroups are mounted below ${root}; containers need them`)
  const second = unified[0]?.mountPoint
  return { version: 1, hybrid: unified.length > 0, hierarchies, ...(second !== undefined && { second }) }
}

// Everything in the options that isn't an option of the mount itself is a controller, or name=….
const mountOptions = new Set(['rw', 'ro', 'xattr', 'noprefix', 'clone_children', 'cpuset_v2_mode'])

const controllersOf = (entry: MountEntry) =>
  entry.options.split(',').filter(option => !mountOptions.has(option) && !option.startsWith('release_agent='))

/** What the host can limit; reads a few small files. */
export function limitSupport(layout: CgroupLayout): LimitSupport {
  return layout.version === 2 ? supportOf2(root) : supportOf1(layout.hierarchies)
}

function supportOf1(hierarchies: ReadonlyMap<string, string>): LimitSupport {
  const file = (controller: string, name: string) => join(hierarchies.get(controller) ?? '/nonexistent', name)
  const has = (controller: string, name: string) => existsSync(file(controller, name))
  return {
    memory: hierarchies.has('memory'),
    swap: has('memory', 'memory.memsw.limit_in_bytes'),
    swappiness: has('memory', 'memory.swappiness'),
    reservation: has('memory', 'memory.soft_limit_in_bytes'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    pids: hierarchies.has('pids'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuQuota: has('cpu', 'cpu.cfs_quota_us'),
    cpuRealtime: has('cpu', 'cpu.rt_period_us'),
    cpuset: hierarchies.has('cpuset'),
    cpus: read(file('cpuset', 'cpuset.cpus')),
    mems: read(file('cpuset', 'cpuset.mems')),
    blkioWeight: has('blkio', 'blkio.weight'),
    blkioThrottle: has('blkio', 'blkio.throttle.read_bps_device'),
    cpuCount: availableParallelism(),
  }
}

function supportOf2(mountPoint: string): LimitSupport {
  const controllers = read(join(mountPoint, 'cgroup.controllers')).split(' ')
  const [memory, cpu, io] = ['memory', 'cpu', 'io'].map(name => controllers.includes(name)) as [
    boolean,
    boolean,
    boolean,
  ]
  return {
    memory,
    // The file is in every cgroup but the root; the daemon's own is as good as any.
    swap: memory && existsSync('/proc/swaps') && existsSync(join(mountPoint, ownCgroup(), 'memory.swap.max')),
    swappiness: false,
    reservation: memory,
    oomKillDisable: false,
    pids: controllers.includes('pids'),
    cpuShares: cpu,
    cpuQuota: cpu,
    cpuRealtime: false,
    cpuset: controllers.includes('cpuset'),
    cpus: read(join(mountPoint, 'cpuset.cpus.effective')),
    mems: read(join(mountPoint, 'cpuset.mems.effective')),
    blkioWeight: io,
    blkioThrottle: io,
    cpuCount: availableParallelism(),
  }
}

const ownCgroup = () => /^0::(.*)$/m.exec(read('/proc/self/cgroup'))?.[1] ?? '/'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }
}
