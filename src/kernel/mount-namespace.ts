// Mount namespaces as descriptors. The thread that enters one is back in its own before anything else can run on it.

import { constants } from 'node:fs'
import { type Fd, nameOf, openPath } from './descriptor.ts'
import { bind, check } from './ffi.ts'

const { setns, unshare, fchdir, chroot } = bind({
  setns: { arguments: ['i32', 'i32'], return: 'i32' },
  unshare: { arguments: ['i32'], return: 'i32' },
  fchdir: { arguments: ['i32'], return: 'i32' },
  chroot: { arguments: ['pointer'], return: 'i32' },
})

const CLONE_FS = 0x200
const CLONE_NEWNS = 0x20000

const current = (): Fd => openPath('/proc/thread-self/ns/mnt', constants.O_RDONLY)

/**
 * Runs `body` with this thread in `namespace`, or in a new copy of its own. It must be synchronous and leave the working
 * directory alone. What it opens can be used from anywhere, as long as the namespace is there. setns(2), unshare(2).
 */
export function inMountNamespace<T>(namespace: Fd | 'new', body: () => T): T {
  using before = current()
  using root = openPath('/')
  using directory = openPath('.')
  // Root and working directory belong to all threads, and the kernel refuses to change the namespace of one alone.
  check('unshare', 'root and working directory', unshare(CLONE_FS))
  if (namespace === 'new') check('unshare', 'mount namespace', unshare(CLONE_NEWNS))
  else check('setns', nameOf(namespace), setns(namespace.number, CLONE_NEWNS))
  try {
    return body()
  } finally {
    goBack(before, root, directory)
  }
}

// A thread left in the wrong namespace would read and write files of others: nothing may run on it again.
function goBack(namespace: Fd, root: Fd, directory: Fd): void {
  const isBack =
    setns(namespace.number, CLONE_NEWNS) === 0 &&
    fchdir(root.number) === 0 &&
    chroot('.') === 0 &&
    fchdir(directory.number) === 0
  if (!isBack) process.abort()
}

/** The mount namespace that this thread is in; it lasts as long as the descriptor. */
export const currentMountNamespace = current
