// Ending the process whatever its threads are at.

import { bind } from './ffi.ts'

const libc = bind({ _exit: { arguments: ['i32'], return: 'void' } })

/** Ends the process with `status` at once: nothing is flushed, no handler is called, no thread is waited for. _exit(2). */
export function exitAtOnce(status: number): void {
  libc._exit(status)
}
