// Processes by descriptor, which unlike a number never comes to mean another process. pidfd_open(2).

import { Fd } from './descriptor.ts'
import { bind, check } from './ffi.ts'
import { numbers } from './syscalls.ts'

const { syscall: pidfdOpenCall } = bind({ syscall: { arguments: ['i32', 'i32', 'u32'], return: 'i32' } })
const { syscall: pidfdSendSignal } = bind({
  syscall: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
})
const { syscall: pidfdGetfd } = bind({ syscall: { arguments: ['i32', 'i32', 'i32', 'u32'], return: 'i32' } })

/** A descriptor of the process `pid`. Throws KernelError (ESRCH if there is none). pidfd_open(2). */
export function pidfdOpen(pid: number): Fd {
  return new Fd(check('pidfd_open', `process ${pid}`, pidfdOpenCall(numbers.pidfd_open, pid, 0)))
}

/** Sends a signal; 0 only tells whether the process is there (KernelError ESRCH if not). pidfd_send_signal(2). */
export function pidfdSignal(process: Fd, signal: number): void {
  const result = pidfdSendSignal(numbers.pidfd_send_signal, process.number, signal, null, 0)
  check('pidfd_send_signal', `signal ${signal}`, result)
}

/** A duplicate of descriptor `number` of another process. pidfd_getfd(2). */
export function pidfdGetFd(process: Fd, number: number): Fd {
  const result = pidfdGetfd(numbers.pidfd_getfd, process.number, number, 0)
  return new Fd(check('pidfd_getfd', `descriptor ${number}`, result))
}
