// Whether the other end of a socket has gone, which Node does not tell once its input has ended. poll(2).

import { KernelError, bind, hasCode, lastErrno } from './ffi.ts'

const { poll } = bind({ poll: { arguments: ['pointer', 'u64', 'i32'], return: 'i32' } })

const POLLERR = 0x8
const POLLHUP = 0x10

// struct pollfd: the descriptor, events wanted, events found.
const entry = Buffer.alloc(8)

/** True if both directions of the socket `descriptor` are closed or it has failed. Does not wait. */
export function isHungUp(descriptor: number): boolean {
  entry.writeInt32LE(descriptor, 0)
  entry.writeInt32LE(0, 4)
  if (poll(entry, 1n, 0) < 0) {
    const error = new KernelError('poll', lastErrno(), `descriptor ${descriptor}`)
    if (hasCode(error, 'EINTR')) return false
    throw error
  }
  return (entry.readInt16LE(6) & (POLLHUP | POLLERR)) !== 0
}
