// A file system being configured, for detached mounts: fsopen(2), fsconfig(2), fsmount(2).

import { readSync } from 'node:fs'
import { Fd } from './descriptor.ts'
import { KernelError, bind, check, hasCode, lastErrno } from './ffi.ts'
import { numbers } from './syscalls.ts'

const { syscall: fsopen } = bind({ syscall: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' } })
const { syscall: fsconfig } = bind({
  syscall: { arguments: ['i32', 'i32', 'u32', 'pointer', 'pointer', 'i32'], return: 'i32' },
})
const { syscall: fsmount } = bind({ syscall: { arguments: ['i32', 'i32', 'u32', 'u32'], return: 'i32' } })

const FSOPEN_CLOEXEC = 1
const FSMOUNT_CLOEXEC = 1
const FSCONFIG_SET_FLAG = 0
const FSCONFIG_SET_STRING = 1
const FSCONFIG_CMD_CREATE = 6

/** Longest value that `set` takes, in bytes. */
export const maxValueBytes = 255

/** A new file system of one type; every failure is a KernelError with the file system's own explanation. */
export class FileSystem implements Disposable {
  readonly #context: Fd
  readonly #type: string

  constructor(type: string) {
    this.#type = type
    this.#context = new Fd(check('fsopen', type, fsopen(numbers.fsopen, type, FSOPEN_CLOEXEC)))
  }

  /** Sets an option; one without a value is a flag. */
  set(option: string, value?: string): void {
    const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING
    const shown = value === undefined ? option : `${option}=${value}`
    this.#check('fsconfig', shown, fsconfig(numbers.fsconfig, this.#context.number, command, option, value ?? null, 0))
  }

  /** Creates the file system and mounts it, attached nowhere. */
  mount(): Fd {
    const { number } = this.#context
    this.#check('fsconfig', 'create', fsconfig(numbers.fsconfig, number, FSCONFIG_CMD_CREATE, null, null, 0))
    return new Fd(this.#check('fsmount', '', fsmount(numbers.fsmount, number, FSMOUNT_CLOEXEC, 0)))
  }

  [Symbol.dispose](): void {
    this.#context.close()
  }

  #check(syscall: string, subject: string, result: number): number {
    if (result >= 0) return result
    const errno = lastErrno()
    const why = this.#explanation()
    throw new KernelError(syscall, errno, [this.#type, subject, why && `(${why})`].filter(Boolean).join(' '))
  }

  // The context keeps a log of at most eight messages, "e text" for errors; each read takes one.
  #explanation(): string {
    const message = Buffer.alloc(1024)
    const errors: string[] = []
    try {
      for (;;) {
        const text = message.toString('utf8', 0, readSync(this.#context.number, message)).trimEnd()
        if (text.startsWith('e ')) errors.push(text.slice(2))
      }
    } catch (error) {
      if (!hasCode(error, 'ENODATA')) throw error
    }
    return errors.join('; ')
  }
}
