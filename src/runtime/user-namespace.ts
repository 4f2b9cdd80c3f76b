// User namespaces and what belongs to them, made by a program of one thread: the kernel lets no other enter one.

import { constants, readSync, writeFileSync } from 'node:fs'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { KernelError } from '../kernel/ffi.ts'
import { socketPair, spawn } from '../kernel/spawn.ts'
import { type IdMap, formatRanges } from '../lib/id-map.ts'
import { childEnded } from './shim-process.ts'

/** A user namespace, and a network namespace that belongs to it: its root may configure that, the host's may as well. */
export interface UserNamespace {
  readonly user: Fd
  readonly network: Fd
}

/**
 * Makes both, with the ids of `map`; they last as long as a descriptor, mount or process refers to them. `program` is
 * gantry-shim. Throws KernelError.
 */
export function createUserNamespace(map: IdMap, program: string): Promise<UserNamespace> {
  return whileHeld(program, undefined, pid => {
    writeFileSync(`/proc/${pid}/uid_map`, formatRanges(map.uids))
    writeFileSync(`/proc/${pid}/gid_map`, formatRanges(map.gids))
    using user = namespaceOf(pid, 'user')
    return { user: user.dup(), network: namespaceOf(pid, 'net') }
  })
}

/** A new network namespace that belongs to the user namespace `user`. `program` is gantry-shim. Throws KernelError. */
export function createNetworkIn(user: Fd, program: string): Promise<Fd> {
  return whileHeld(program, user, pid => namespaceOf(pid, 'net'))
}

const namespaceOf = (pid: number, kind: 'user' | 'net'): Fd => openPath(`/proc/${pid}/ns/${kind}`, constants.O_RDONLY)

async function whileHeld<T>(program: string, user: Fd | undefined, take: (pid: number) => T): Promise<T> {
  const [ours, theirs] = socketPair()
  using held = ours
  using stdin = theirs
  const fds = new Map([[0, stdin]])
  if (user) fds.set(3, user)
  const argv = ['gantry-shim', user ? '--hold-network' : '--hold-namespaces']
  const pid = spawn({ file: program, argv, env: {}, fds })
  stdin.close()
  const isReady = readSync(held.number, Buffer.alloc(1)) === 1
  if (!isReady) throw new KernelError('unshare', await childEnded(pid), 'user namespace')
  try {
    return take(pid)
  } finally {
    held.close()
    void childEnded(pid)
  }
}
