// The one door to node:ffi: libc functions by signature, and errno as an error that names the call.

import { type FunctionSignature, dlopen, getInt32, getRawPointer, toString } from 'node:ffi'
import { constants } from 'node:os'

const libc = dlopen(null, {
  __errno_location: { arguments: [], return: 'pointer' },
})

// errno is per thread, and so is this module: each worker has its own instance.
const errnoAddress = libc.functions.__errno_location()

/** errno of the last libc call made on this thread. Read it at once: any later call may change it. */
export function lastErrno(): number {
  return getInt32(errnoAddress)
}

/** Binds functions of the C library. A pointer argument takes a Buffer, a string (copied, NUL added), a bigint or null. */
export function bind<const T extends Record<string, FunctionSignature>>(definitions: T) {
  return dlopen(null, definitions).functions
}

/** Binds functions of another shared library; undefined if it isn't installed. */
export function bindLibrary<const T extends Record<string, FunctionSignature>>(soname: string, definitions: T) {
  try {
    return dlopen(soname, definitions).functions
  } catch {
    return undefined
  }
}

/** The address of a buffer's bytes, for structures that hold pointers. Keep the buffer referenced while it is used. */
export const addressOf = (buffer: NodeJS.ArrayBufferView): bigint => getRawPointer(buffer)

/** The C string at `pointer`; undefined for NULL. */
export const stringAt = (pointer: bigint): string | undefined => toString(pointer) ?? undefined

/** A path or other string as a NUL-terminated buffer; throws if it contains a NUL itself. */
export function cString(text: string): Buffer {
  if (text.includes('\0')) throw new KernelError('open', constants.errno.EINVAL, JSON.stringify(text))
  return Buffer.from(`${text}\0`)
}

// Aliases come after the usual name (EAGAIN, EWOULDBLOCK), which must win.
const errnoNames = new Map(
  Object.entries(constants.errno)
    .map(([name, number]) => [number, name] as const)
    .toReversed(),
)

/** A failed system call: which call, on what, and why. */
export class KernelError extends Error {
  /** The symbolic errno, such as ENOENT. */
  readonly code: string
  readonly errno: number
  readonly syscall: string
  /** What the call was applied to: usually a path or name. */
  readonly subject: string

  constructor(syscall: string, errno: number, subject: string) {
    const code = errnoNames.get(errno) ?? `E${errno}`
    super(`${syscall} ${subject}: ${describe(errno)}`)
    this.name = 'KernelError'
    this.code = code
    this.errno = errno
    this.syscall = syscall
    this.subject = subject
  }
}

const { strerror } = bind({ strerror: { arguments: ['i32'], return: 'pointer' } })

/** The C library's text for an errno, in lower case as Go and Docker write it. */
export function describe(errno: number): string {
  const text = stringAt(strerror(errno)) ?? `errno ${errno}`
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** Returns `result`, or throws a KernelError if it is negative. */
export function check(syscall: string, subject: string, result: number): number {
  if (result >= 0) return result
  throw new KernelError(syscall, lastErrno(), subject)
}

/** True if `error` is a failed system call with one of `codes`; also for errors of node:fs. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
