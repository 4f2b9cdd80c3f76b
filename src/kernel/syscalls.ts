// Numbers of the system calls that the C library has no function for, or not in every version still in use.

import { KernelError } from './ffi.ts'

/** Calls added since Linux 5.1 have one number on every architecture. */
const common = {
  pidfd_send_signal: 424,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_open: 434,
  openat2: 437,
  pidfd_getfd: 438,
  mount_setattr: 442,
  quotactl_fd: 443,
  fchmodat2: 452,
} as const

/** Older calls, from each architecture's own table (asm/unistd.h). */
const own = {
  x64: { mknodat: 259, getdents64: 217 },
  arm64: { mknodat: 33, getdents64: 61 },
} as const

function ownNumbers() {
  if (process.arch === 'x64' || process.arch === 'arm64') return own[process.arch]
  throw new KernelError('syscall', 38, `${process.arch} (supported are x64 and arm64)`)
}

/** System call numbers of this machine, for the first argument of `syscall`. */
export const numbers = { ...common, ...ownNumbers() }
