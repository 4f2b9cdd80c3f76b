// User namespaces, made by a program of one thread: the kernel lets no other enter a new one.

import { constants, readSync, writeFileSync } from 'node:fs'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { KernelError } from '../kernel/ffi.ts'
import { socketPair, spawn } from '../kernel/spawn.ts'
import { type IdMap, formatRanges } from './id-map.ts'
import { childEnded } from './shim-process.ts'

/** A user namespace, and a network namespace that belongs to it: its root may configure that, the host's may as well. */
export interface UserNamespace {
  readonly user: Fd
  readonly network: Fd
}

/** Makes both, with the ids of `map`; they last as long as a descriptor, mount or process refers to them. `program` is gantry-shim. Throws KernelError. */
export async function createUserNamespace(map: IdMap, program: string): Promise<UserNamespace> {
  const [ours, theirs] = socketPair()
  using _ours = ours
  using input = theirs
  const pid = spawn({ file: program, argv: ['gantry-shim', '--hold-namespaces'], env: {}, fds: new Map([[0, input]]) })
  input.close()
  const ready = readSync(ours.number, Buffer.alloc(1)) === 1
  if (!ready) throw new KernelError('unshare', await childEnded(pid), 'user namespace')
  try {
    using opened = new DisposableStack()
    writeFileSync(`/proc/${pid}/uid_map`, formatRanges(map.uids))
    writeFileSync(`/proc/${pid}/gid_map`, formatRanges(map.gids))
    const user = opened.use(openPath(`/proc/${pid}/ns/user`, constants.O_RDONLY))
    const network = opened.use(openPath(`/proc/${pid}/ns/net`, constants.O_RDONLY))
    opened.move()
    return { user, network }
  } finally {
    ours.close()
    await childEnded(pid)
  }
}
