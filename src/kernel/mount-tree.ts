// Mounts by descriptor: trees of mounts are copied, changed, and attached where they are wanted.

import { Fd, O_CLOEXEC, nameOf } from './descriptor.ts'
import { KernelError, bind, check, hasCode, lastErrno } from './ffi.ts'
import { remountBind } from './remount.ts'
import { numbers } from './syscalls.ts'

const { syscall: openTreeCall } = bind({
  syscall: { arguments: ['i32', 'i32', 'pointer', 'u32'], return: 'i32' },
})
const { syscall: moveMount } = bind({
  syscall: { arguments: ['i32', 'i32', 'pointer', 'i32', 'pointer', 'u32'], return: 'i32' },
})
const { syscall: mountSetattr } = bind({
  syscall: { arguments: ['i32', 'i32', 'pointer', 'u32', 'pointer', 'u64'], return: 'i32' },
})
const { mount, umount2 } = bind({
  mount: { arguments: ['pointer', 'pointer', 'pointer', 'u64', 'pointer'], return: 'i32' },
  umount2: { arguments: ['pointer', 'i32'], return: 'i32' },
})

const AT_FDCWD = -100
const AT_EMPTY_PATH = 0x1000
const AT_RECURSIVE = 0x8000
const OPEN_TREE_CLONE = 1
const MOVE_MOUNT_F_EMPTY_PATH = 0x04
const MOVE_MOUNT_T_SYMLINKS = 0x10
const MOVE_MOUNT_T_EMPTY_PATH = 0x40
const MOUNT_ATTR_IDMAP = 0x100000n
const MNT_DETACH = 2
const UMOUNT_NOFOLLOW = 8

/** How mounts and unmounts travel between copies of a mount. mount_namespaces(7). */
export type Propagation = 'private' | 'shared' | 'slave' | 'unbindable'

const propagationFlags: Record<Propagation, number> = {
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
}

const attributes = { readonly: 1, nosuid: 2, nodev: 4, noexec: 8 } as const

/** Attributes of a mount; those left out stay as they are. */
export interface MountAttributes {
  readonly readonly?: boolean
  readonly nosuid?: boolean
  readonly nodev?: boolean
  readonly noexec?: boolean
  readonly propagation?: Propagation
  /** Apply to every mount of the tree. */
  readonly recursive?: boolean
}

/**
 * The mount at `source` (a trusted host path, links followed, or an open file), as an O_PATH descriptor. With `clone` a
 * detached copy, of the whole tree if `recursive`, that vanishes with its last descriptor. Throws KernelError. open_tree(2).
 */
export function openTree(source: string | Fd, options: { clone?: boolean; recursive?: boolean } = {}): Fd {
  const clone = options.clone ? OPEN_TREE_CLONE : 0
  const recursive = options.clone && options.recursive ? AT_RECURSIVE : 0
  const [dir, path, empty] = located(source)
  const flags = O_CLOEXEC | clone | recursive | (empty ? AT_EMPTY_PATH : 0)
  return new Fd(check('open_tree', subjectOf(source), openTreeCall(numbers.open_tree, dir, path, flags)))
}

/** Attaches a detached mount at `target`, a trusted path (links followed) or an open directory or file. move_mount(2). */
export function attachMount(tree: Fd, target: string | Fd): void {
  const [dir, path, empty] = located(target)
  const flags = MOVE_MOUNT_F_EMPTY_PATH | (empty ? MOVE_MOUNT_T_EMPTY_PATH : MOVE_MOUNT_T_SYMLINKS)
  check('move_mount', subjectOf(target), moveMount(numbers.move_mount, tree.number, '', dir, path, flags))
}

/** Changes the attributes of the mount at the root of `tree`. Needs Linux 5.12. mount_setattr(2). */
export function setMountAttributes(tree: Fd, change: MountAttributes): void {
  // struct mount_attr: attr_set, attr_clr, propagation, userns_fd, 64 bits each.
  const request = new Uint32Array(8)
  const names = Object.keys(attributes) as (keyof typeof attributes)[]
  request[0] = bitsOf(names.filter(name => change[name] === true))
  request[2] = bitsOf(names.filter(name => change[name] === false))
  request[4] = change.propagation === undefined ? 0 : propagationFlags[change.propagation]
  const flags = AT_EMPTY_PATH | (change.recursive ? AT_RECURSIVE : 0)
  const result = mountSetattr(numbers.mount_setattr, tree.number, '', flags, request, BigInt(request.byteLength))
  if (result < 0) throw new KernelError('mount_setattr', lastErrno(), nameOf(tree))
}

/**
 * Gives the files of a detached mount the owners that the user namespace `namespace` has for the ids on disk. Throws
 * KernelError EINVAL if the file system can't. Needs Linux 5.12. mount_setattr(2).
 */
export function mapIds(tree: Fd, namespace: Fd): void {
  const request = new BigUint64Array([MOUNT_ATTR_IDMAP, 0n, 0n, BigInt(namespace.number)])
  const size = BigInt(request.byteLength)
  const result = mountSetattr(numbers.mount_setattr, tree.number, '', AT_EMPTY_PATH, request, size)
  if (result < 0) throw new KernelError('mount_setattr', lastErrno(), `idmap ${nameOf(tree)}`)
}

/** Binds `source` to `target`: trusted paths or open files. `readonly` covers the whole tree if `recursive`. */
export function bindMount(
  source: string | Fd,
  target: string | Fd,
  options: { recursive?: boolean; readonly?: boolean } = {},
): void {
  using tree = openTree(source, { clone: true, recursive: options.recursive })
  if (!options.readonly) return attachMount(tree, target)
  try {
    setMountAttributes(tree, { readonly: true, recursive: options.recursive })
    attachMount(tree, target)
  } catch (error) {
    // Before Linux 5.12 there is mount(2) alone, which takes attached mounts only, and one at a time.
    if (!hasCode(error, 'ENOSYS') || options.recursive) throw error
    attachMount(tree, target)
    remountReadonly(tree)
  }
}

function remountReadonly(tree: Fd): void {
  try {
    remountBind(tree.path, { readonly: true })
  } catch (error) {
    unmount(tree.path, { detach: true })
    throw error
  }
}

/** Sets how mounts at `path`, a mount point, travel; those below it too if `recursive`. mount(2). */
export function setPropagation(path: string, propagation: Propagation, options: { recursive?: boolean } = {}): void {
  const flags = BigInt(propagationFlags[propagation] | (options.recursive ? 0x4000 : 0))
  check(`mount (make ${propagation})`, path, mount(null, path, null, flags, null))
}

/** Removes the mount at `path`; with `detach` at once, and for its users when they are done. umount2(2). */
export function unmount(path: string, options: { detach?: boolean } = {}): void {
  check('umount', path, umount2(path, options.detach ? MNT_DETACH | UMOUNT_NOFOLLOW : UMOUNT_NOFOLLOW))
}

const bitsOf = (names: (keyof typeof attributes)[]): number => names.reduce((bits, name) => bits | attributes[name], 0)

const subjectOf = (place: string | Fd): string => (typeof place === 'string' ? place : nameOf(place))

const located = (place: string | Fd): [dir: number, path: string, empty: boolean] =>
  typeof place === 'string' ? [AT_FDCWD, place, false] : [place.number, '', true]
