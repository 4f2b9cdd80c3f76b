// Files by directory descriptor and name: nothing here walks a path or follows a link.

import { constants } from 'node:fs'
import { Fd, O_CLOEXEC, O_PATH, failAt, nameOf } from './descriptor.ts'
import { bind, check, lastErrno } from './ffi.ts'
import { type Name, component, decoded, pathText } from './name.ts'
import { numbers } from './syscalls.ts'

export { type DirectoryEntry, readDirectory } from './directory.ts'
export { copyFileRange, fdatasync, fsync, syncfs, truncate, write } from './io.ts'
export type { Name } from './name.ts'
export { major, makedev, minor, type Stat, statAt, statFd } from './stat.ts'

const libc = bind({
  openat: { arguments: ['i32', 'pointer', 'i32', 'u32'], return: 'i32' },
  mkdirat: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  symlinkat: { arguments: ['pointer', 'i32', 'pointer'], return: 'i32' },
  linkat: { arguments: ['i32', 'pointer', 'i32', 'pointer', 'i32'], return: 'i32' },
  unlinkat: { arguments: ['i32', 'pointer', 'i32'], return: 'i32' },
  renameat2: { arguments: ['i32', 'pointer', 'i32', 'pointer', 'u32'], return: 'i32' },
  fchownat: { arguments: ['i32', 'pointer', 'u32', 'u32', 'i32'], return: 'i32' },
  fchown: { arguments: ['i32', 'u32', 'u32'], return: 'i32' },
  chmod: { arguments: ['pointer', 'u32'], return: 'i32' },
  fchmod: { arguments: ['i32', 'u32'], return: 'i32' },
  utimensat: { arguments: ['i32', 'pointer', 'pointer', 'i32'], return: 'i32' },
  futimens: { arguments: ['i32', 'pointer'], return: 'i32' },
  readlinkat: { arguments: ['i32', 'pointer', 'pointer', 'u64'], return: 'i32' },
})
// The C library has mknodat since 2.33 only, and no fchmodat that knows AT_SYMLINK_NOFOLLOW everywhere.
const { syscall: mknodat } = bind({
  syscall: { arguments: ['i32', 'i32', 'pointer', 'u32', 'u32'], return: 'i32' },
})
const { syscall: fchmodat2 } = bind({
  syscall: { arguments: ['i32', 'i32', 'pointer', 'u32', 'u32'], return: 'i32' },
})

const AT_SYMLINK_NOFOLLOW = 0x100
const AT_REMOVEDIR = 0x200
const AT_EMPTY_PATH = 0x1000
const RENAME_NOREPLACE = 1
const RENAME_EXCHANGE = 2
const ENOSYS = 38

/**
 * Opens `name` in `dir`; a symbolic link fails with ELOOP. Adds O_CLOEXEC, and O_NONBLOCK so that a FIFO can't hang the
 * engine. All functions of this file throw KernelError, with EINVAL for a name that is no single component. openat(2).
 */
export function openAt(dir: Fd, name: Name, flags: number, mode = 0): Fd {
  const harmless = flags & O_PATH ? 0 : constants.O_NONBLOCK | constants.O_NOCTTY
  const all = flags | harmless | constants.O_NOFOLLOW | O_CLOEXEC
  const result = libc.openat(dir.number, component('openat', name), all, mode)
  return result < 0 ? failAt('openat', dir, name) : new Fd(result)
}

/** Makes a directory; `mode` is subject to the umask. mkdirat(2). */
export function mkdirAt(dir: Fd, name: Name, mode: number): void {
  if (libc.mkdirat(dir.number, component('mkdirat', name), mode) < 0) failAt('mkdirat', dir, name)
}

/** Makes a file, FIFO, socket or device node: `mode` has its type (S_IFIFO…), `dev` is made by `makedev`. mknodat(2). */
export function mknodAt(dir: Fd, name: Name, mode: number, dev = 0): void {
  if (mknodat(numbers.mknodat, dir.number, component('mknodat', name), mode, dev) < 0) failAt('mknodat', dir, name)
}

/** Makes a symbolic link to `target`, any text without NUL. symlinkat(2). */
export function symlinkAt(target: Name, dir: Fd, name: Name): void {
  const link = component('symlinkat', name)
  if (libc.symlinkat(pathText('symlinkat', target), dir.number, link) < 0) failAt('symlinkat', dir, name)
}

/** Gives the file `sourceName` (a link itself, not where it leads) a second name. linkat(2). */
export function linkAt(source: Fd, sourceName: Name, dir: Fd, name: Name): void {
  const from = component('linkat', sourceName)
  if (libc.linkat(source.number, from, dir.number, component('linkat', name), 0) < 0) failAt('linkat', dir, name)
}

/** Gives an open file, such as one made with O_TMPFILE, a name. linkat(2), AT_EMPTY_PATH. */
export function linkFdAt(file: Fd, dir: Fd, name: Name): void {
  if (libc.linkat(file.number, '', dir.number, component('linkat', name), AT_EMPTY_PATH) < 0)
    failAt('linkat', dir, name)
}

/** Removes a name, that of an empty directory with `directory`. unlinkat(2). */
export function unlinkAt(dir: Fd, name: Name, options: { directory?: boolean } = {}): void {
  const flags = options.directory ? AT_REMOVEDIR : 0
  if (libc.unlinkat(dir.number, component('unlinkat', name), flags) < 0) failAt('unlinkat', dir, name)
}

/** Moves a name; with `noReplace` fails with EEXIST if the new one is taken, with `exchange` swaps the two. renameat2(2). */
export function renameAt(
  from: Fd,
  fromName: Name,
  to: Fd,
  toName: Name,
  options: { noReplace?: boolean; exchange?: boolean } = {},
): void {
  const flags = (options.noReplace ? RENAME_NOREPLACE : 0) | (options.exchange ? RENAME_EXCHANGE : 0)
  const source = component('renameat2', fromName)
  if (libc.renameat2(from.number, source, to.number, component('renameat2', toName), flags) < 0)
    failAt('renameat2', from, fromName)
}

/** Changes the owner, of a link itself. This clears set-user-ID and set-group-ID bits, so set the mode after it. fchownat(2). */
export function chownAt(dir: Fd, name: Name, uid: number, gid: number): void {
  if (libc.fchownat(dir.number, component('fchownat', name), uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
    failAt('fchownat', dir, name)
}

/** Changes the owner of an open file. fchown(2). */
export function fchown(file: Fd, uid: number, gid: number): void {
  if (libc.fchown(file.number, uid, gid) < 0) failAt('fchown', file, '')
}

/** Sets the permission bits; ENOTSUP for a symbolic link, which has none. fchmodat2(2). */
export function chmodAt(dir: Fd, name: Name, mode: number): void {
  const file = component('fchmodat2', name)
  if (fchmodat2(numbers.fchmodat2, dir.number, file, mode, AT_SYMLINK_NOFOLLOW) === 0) return
  if (lastErrno() === ENOSYS) chmodByDescriptor(dir, name, mode)
  else failAt('fchmodat2', dir, name)
}

/** As chmodAt, for kernels before 6.6. */
export function chmodByDescriptor(dir: Fd, name: Name, mode: number): void {
  using file = openAt(dir, name, O_PATH)
  check('chmod', nameOf(file), libc.chmod(file.path, mode))
}

/** Sets the permission bits of an open file. fchmod(2). */
export function fchmod(file: Fd, mode: number): void {
  if (libc.fchmod(file.number, mode) < 0) failAt('fchmod', file, '')
}

// Two struct timespec, access before modification. One per thread: it is read before the next call fills it again.
const times = new BigInt64Array(4)
const second = 1_000_000_000n

function setTime(index: number, nanos: bigint): void {
  const remainder = nanos % second
  const fraction = remainder < 0n ? remainder + second : remainder
  times[index] = (nanos - fraction) / second
  times[index + 1] = fraction
}

/** Sets the times, in nanoseconds since the Unix epoch, of a link itself. utimensat(2). */
export function utimensAt(dir: Fd, name: Name, mtimeNs: bigint, atimeNs = mtimeNs): void {
  setTime(0, atimeNs)
  setTime(2, mtimeNs)
  if (libc.utimensat(dir.number, component('utimensat', name), times, AT_SYMLINK_NOFOLLOW) < 0)
    failAt('utimensat', dir, name)
}

/** Sets the times of an open file, in nanoseconds since the Unix epoch. futimens(3). */
export function futimens(file: Fd, mtimeNs: bigint, atimeNs = mtimeNs): void {
  setTime(0, atimeNs)
  setTime(2, mtimeNs)
  if (libc.futimens(file.number, times) < 0) failAt('futimens', file, '')
}

// PATH_MAX, which no link target reaches.
const target = Buffer.alloc(4096)
const targetSize = BigInt(target.length)

/** Where a symbolic link leads: text, or bytes where that is not UTF-8. readlinkat(2). */
export function readlinkAt(dir: Fd, name: Name): Name {
  const length = libc.readlinkat(dir.number, component('readlinkat', name), target, targetSize)
  return length < 0 ? failAt('readlinkat', dir, name) : decoded(target.subarray(0, length))
}
