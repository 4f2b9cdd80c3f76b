// Locks on files that the kernel releases when their holder dies. flock(2).

import { constants } from 'node:fs'
import { type Fd, openPath } from './descriptor.ts'
import { KernelError, bind, hasCode, lastErrno } from './ffi.ts'

const { flock } = bind({ flock: { arguments: ['i32', 'i32'], return: 'i32' } })

const LOCK_EX = 2
const LOCK_NB = 4

/**
 * Creates the file `path` if it is missing and locks it; closing the descriptor releases the lock.
 * Returns undefined if another process, or another descriptor of this one, holds it. Throws KernelError.
 */
export function lockFile(path: string): Fd | undefined {
  const file = openPath(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  if (flock(file.number, LOCK_EX | LOCK_NB) === 0) return file
  const error = new KernelError('flock', lastErrno(), path)
  file.close()
  if (hasCode(error, 'EAGAIN', 'EWOULDBLOCK')) return undefined
  throw error
}
