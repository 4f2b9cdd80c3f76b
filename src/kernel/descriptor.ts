// File descriptors that are owned: closed once, at the end of a scope, and never inherited by accident.

import { constants, readlinkSync } from 'node:fs'
import { KernelError, bind, check, lastErrno } from './ffi.ts'

const { close, fcntl, open } = bind({
  close: { arguments: ['i32'], return: 'i32' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  open: { arguments: ['pointer', 'i32', 'u32'], return: 'i32' },
})

/** open(2) flags that node:fs does not name; the values are those of x86_64 and arm64 alike. */
export const O_CLOEXEC = 0o2000000
export const O_PATH = 0o10000000
/** An unnamed file in the directory opened; needs O_WRONLY or O_RDWR. */
export const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

const F_DUPFD_CLOEXEC = 1030

/** An owned file descriptor, close-on-exec. `using` closes it at the end of the scope. */
export class Fd implements Disposable {
  #number: number

  /** Takes over `number`: nothing else may close it from now on. */
  constructor(number: number) {
    this.#number = number
  }

  /** The descriptor's number; throws KernelError EBADF once closed, as the number may mean another file by then. */
  get number(): number {
    if (this.#number < 0) throw new KernelError('descriptor', 9, 'already closed')
    return this.#number
  }

  get closed(): boolean {
    return this.#number < 0
  }

  /** A path to the open file itself, for calls that take no descriptor. Valid in this process while it stays open. */
  get path(): string {
    return `/proc/self/fd/${this.number}`
  }

  /** Closes the descriptor; does nothing if it is closed already. */
  close(): void {
    const number = this.#number
    if (number < 0) return
    this.#number = -1
    // Linux frees the number whatever close(2) returns, so there is nothing to retry.
    close(number)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** A second descriptor of the same open file, numbered `least` or above. */
  dup(least = 0): Fd {
    return new Fd(check('dup', this.path, fcntl(this.number, F_DUPFD_CLOEXEC, least)))
  }

  /** Gives the number away to an owner that closes it, such as a stream of Node. */
  release(): number {
    const number = this.number
    this.#number = -1
    return number
  }
}

/** Opens a trusted path of the host, O_PATH unless other `flags` are given; always close-on-exec. Throws KernelError. */
export function openPath(path: string, flags = O_PATH, mode = 0o666): Fd {
  return new Fd(check('open', path, open(path, flags | O_CLOEXEC | constants.O_NOCTTY, mode)))
}

/** Where an open file is, for messages only: the name may be stale or hostile. */
export function nameOf(fd: Fd): string {
  try {
    return readlinkSync(fd.path)
  } catch {
    return 'a closed descriptor'
  }
}

/** Throws the KernelError of a call that just failed on `name` in `dir`, with the whole path in its message. */
export function failAt(syscall: string, dir: Fd, name: string | Uint8Array): never {
  const errno = lastErrno()
  const text = Buffer.from(name).toString().replace(/\0$/, '')
  throw new KernelError(syscall, errno, text === '' ? nameOf(dir) : `${nameOf(dir)}/${text}`)
}
