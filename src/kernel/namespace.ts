// Network namespaces as descriptors. The thread that enters one is back in its own before anything else can run on it.

import { constants } from 'node:fs'
import { Fd, nameOf, openPath } from './descriptor.ts'
import { bind, check } from './ffi.ts'

const { setns, unshare } = bind({
  setns: { arguments: ['i32', 'i32'], return: 'i32' },
  unshare: { arguments: ['i32'], return: 'i32' },
})

const CLONE_NEWNET = 0x40000000

const current = (): Fd => openPath('/proc/thread-self/ns/net', constants.O_RDONLY)

// A thread left in the wrong namespace would configure the wrong network: nothing may run on it again.
function enter(namespace: Fd): void {
  check('setns', nameOf(namespace), setns(namespace.number, CLONE_NEWNET))
}

function goBack(namespace: Fd): void {
  if (setns(namespace.number, CLONE_NEWNET) < 0) process.abort()
}

/** A new, empty network namespace; it lives as long as a descriptor, mount or process refers to it. Throws KernelError. */
export function createNetworkNamespace(): Fd {
  using before = current()
  check('unshare', 'network namespace', unshare(CLONE_NEWNET))
  try {
    return current()
  } finally {
    goBack(before)
  }
}

/**
 * Runs `body` with this thread in `namespace`. It must be synchronous and start no thread: sockets made meanwhile
 * belong to the namespace for good, everything after runs in the former one. setns(2).
 */
export function inNetworkNamespace<T>(namespace: Fd, body: () => T): T {
  using before = current()
  enter(namespace)
  try {
    return body()
  } finally {
    goBack(before)
  }
}

/** The network namespace of a process. Throws KernelError (ENOENT if there is no such process). */
export function networkNamespaceOf(pid: number): Fd {
  return openPath(`/proc/${pid}/ns/net`, constants.O_RDONLY)
}
