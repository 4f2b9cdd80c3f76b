// Opening paths inside a hostile tree: openat2(2) keeps the kernel's walk inside the directory it starts from.

import { constants } from 'node:fs'
import { Fd, O_CLOEXEC, O_PATH, failAt, nameOf, openPath } from './descriptor.ts'
import { KernelError, bind, lastErrno } from './ffi.ts'
import { type Name, component, pathText } from './name.ts'
import { statFd } from './stat.ts'
import { numbers } from './syscalls.ts'

const { syscall: openat2 } = bind({
  syscall: { arguments: ['i32', 'i32', 'pointer', 'pointer', 'u64'], return: 'i32' },
})

const RESOLVE_NO_XDEV = 0x01
const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_NO_SYMLINKS = 0x04
const RESOLVE_BENEATH = 0x08
const RESOLVE_IN_ROOT = 0x10

const EINTR = 4
const EAGAIN = 11
const EINVAL = 22

// The kernel answers EAGAIN when something was renamed while it resolved `..`; a container can do that for ever.
const maxAttempts = 128

// struct open_how: flags, mode and resolve, 64 bits each; every value used fits the low half of its field.
const how = new Uint32Array(6)
const howSize = BigInt(how.byteLength)

function open(dir: Fd, path: string | Uint8Array, flags: number, mode: number, resolve: number): Fd {
  const harmless = flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | constants.O_NONBLOCK | constants.O_NOCTTY
  how[0] = (flags | harmless) >>> 0
  how[2] = mode
  how[4] = resolve
  for (let attempt = 1; ; attempt++) {
    const result = openat2(numbers.openat2, dir.number, path, how, howSize)
    if (result >= 0) return new Fd(result)
    const errno = lastErrno()
    if ((errno !== EAGAIN && errno !== EINTR) || attempt === maxAttempts) failAt('openat2', dir, path)
  }
}

/**
 * Opens `path` as a process whose root is `root` would: `..`, absolute paths and symbolic links stay inside, magic links
 * are refused (ELOOP). Adds O_CLOEXEC, and O_NONBLOCK so that a FIFO planted there can't hang the engine.
 * `mode` only with O_CREAT or O_TMPFILE. Throws KernelError. openat2(2), RESOLVE_IN_ROOT.
 */
export function openInRoot(root: Fd, path: Name, flags: number, mode = 0): Fd {
  return open(root, pathText('openat2', path), flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
}

/**
 * Opens `path` below `dir`; whatever leads out of it, absolute paths included, fails with EXDEV, and with `noSymlinks` any
 * symbolic link with ELOOP. Flags and mode as for openInRoot. openat2(2), RESOLVE_BENEATH.
 */
export function openBeneath(
  dir: Fd,
  path: Name,
  flags: number,
  mode = 0,
  { noSymlinks = false }: { noSymlinks?: boolean } = {},
): Fd {
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
  return open(dir, pathText('openat2', path), flags, mode, noSymlinks ? resolve | RESOLVE_NO_SYMLINKS : resolve)
}

/**
 * Opens `path` in `root` for reading if it is a regular file, and fails with EINVAL for anything else: a device is never
 * opened, as that alone may have effects.
 */
export function openFileInRoot(root: Fd, path: Name): Fd {
  using handle = openInRoot(root, path, O_PATH)
  const { mode } = statFd(handle)
  if ((mode & constants.S_IFMT) !== constants.S_IFREG)
    throw new KernelError('open', EINVAL, `${nameOf(handle)} (not a regular file)`)
  return openPath(handle.path, constants.O_RDONLY)
}

/** Opens the directory `name` of `dir` for reading, unless it is a link (ELOOP) or another mount's root (EXDEV). */
export function openDirectoryHere(dir: Fd, name: Name): Fd {
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV
  return open(dir, component('openat2', name), constants.O_RDONLY | constants.O_DIRECTORY, 0, resolve)
}
