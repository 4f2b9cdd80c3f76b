// Locks on files that the kernel releases when their holder dies. flock(2), fcntl(2).

import { constants } from 'node:fs'
import { type Fd, openPath } from './descriptor.ts'
import { KernelError, bind, hasCode, lastErrno } from './ffi.ts'

const { flock } = bind({ flock: { arguments: ['i32', 'i32'], return: 'i32' } })

const { fcntl } = bind({ fcntl: { arguments: ['i32', 'i32', 'pointer'], return: 'i32' } })

const F_OFD_SETLK = 37
const F_RDLCK = 0
const F_WRLCK = 1

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

/**
 * Marks a byte of the file `path`, which is created if it is missing, for as long as the descriptor or a copy of it is open in
 * any process. Undefined if somebody has marked it already; with `join` that is no obstacle. Throws KernelError.
 */
export function markByte(path: string, offset: number, { join = false } = {}): Fd | undefined {
  const file = openPath(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  // What nobody else has any lock on is taken first, then shared with who joins.
  for (const type of join ? [F_RDLCK] : [F_WRLCK, F_RDLCK]) {
    if (fcntl(file.number, F_OFD_SETLK, lockRequest(type, offset)) === 0) continue
    const error = new KernelError('fcntl', lastErrno(), path)
    file.close()
    if (hasCode(error, 'EAGAIN', 'EACCES')) return undefined
    throw error
  }
  return file
}

// struct flock: type and whence (16 bits each), then start and length (64 bits each), then pid.
function lockRequest(type: number, offset: number): Buffer {
  const request = Buffer.alloc(32)
  request.writeInt16LE(type, 0)
  request.writeBigInt64LE(BigInt(offset), 8)
  request.writeBigInt64LE(1n, 16)
  return request
}
