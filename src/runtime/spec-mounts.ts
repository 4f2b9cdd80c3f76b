// The mounts of a container's spec: the system's own, then the user's, parents before children.

import type { Mount } from '../oci/runtime-spec.ts'
import type { IsolationRequest } from './request.ts'

/** A mount as the runtime takes it: its source exists and its options are final. */
export type ResolvedMount = Mount

/** What the container's /dev/shm is: its own tmpfs, a directory to bind, or nothing (`--ipc none`). */
export type SharedMemory =
  | { kind: 'own' }
  | { kind: 'bind'; source: string; options?: readonly string[] }
  | { kind: 'none' }

/** Bytes of /dev/shm unless asked otherwise. */
export const defaultShmSize = 64 * 1024 * 1024

const systemMounts: readonly Mount[] = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['ro', 'nosuid', 'noexec', 'nodev'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
]

/** Everything to mount, in order. `own` are the engine's additions that users can't replace, such as the init. */
export interface MountInput {
  request: IsolationRequest
  shm: SharedMemory
  own: readonly Mount[]
  user: readonly ResolvedMount[]
  writableCgroups: boolean
}

/** The mounts for the spec. Parents come before children, as far as users' mounts go. */
export function mountsOf(input: MountInput): Mount[] {
  const taken = new Set(input.user.map(mount => mount.destination))
  const system = [...systemMounts, ...shmMount(input)]
    .filter(({ destination }) => !taken.has(destination) && !(taken.has('/dev') && destination.startsWith('/dev/')))
    .map(mount => adapt(mount, input))
  return [...system, ...input.own, ...byDepth(input.user)]
}

function shmMount({ request, shm }: MountInput): Mount[] {
  const destination = '/dev/shm'
  if (shm.kind === 'none') return []
  if (shm.kind === 'bind') {
    return [{ destination, type: 'bind', source: shm.source, options: ['rbind', ...(shm.options ?? []), 'rprivate'] }]
  }
  const size = `size=${request.ShmSize || defaultShmSize}`
  return [{ destination, type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', size] }]
}

function adapt(mount: Mount, { request, writableCgroups }: MountInput): Mount {
  const writable = mount.type === 'cgroup' ? writableCgroups : mount.type === 'sysfs' && request.Privileged
  return writable ? { ...mount, options: mount.options.filter(option => option !== 'ro') } : mount
}

/** By the number of parts of the destination; equal ones keep their order. */
export function byDepth<T extends { destination: string }>(mounts: readonly T[]): T[] {
  const depth = ({ destination }: T) => destination.split('/').length
  return mounts.toSorted((a, b) => depth(a) - depth(b))
}

/** The root's propagation that users' mounts need: a shared mount needs a shared parent, a slave one a slave. */
export function rootPropagation(mounts: readonly Mount[]): string | undefined {
  const has = (...modes: string[]) => mounts.some(mount => mount.options.some(option => modes.includes(option)))
  if (has('shared', 'rshared')) return 'shared'
  return has('slave', 'rslave') ? 'rslave' : undefined
}
