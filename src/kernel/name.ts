// Names for the *at calls: one component of a path, so that the kernel has no link to follow on the way.

import { isUtf8 } from 'node:buffer'
import { KernelError } from './ffi.ts'

/** The name of a directory entry, without slashes; bytes (no NUL at the end) where it may not be UTF-8. */
export type Name = string | Uint8Array

const EINVAL = 22
const slash = 0x2f
const dot = 0x2e

function isComponent(name: Uint8Array): boolean {
  if (name.length === 0 || name.includes(slash) || name.includes(0)) return false
  return !(name.length === 2 && name[0] === dot && name[1] === dot)
}

/**
 * `name` as the kernel takes it. Throws KernelError EINVAL unless it is a single component: a slash or `..` could lead out
 * of the directory, and openat2 is there for paths.
 */
export function component(syscall: string, name: Name): string | Uint8Array {
  if (typeof name === 'string') {
    if (name !== '' && name !== '..' && !name.includes('/') && !name.includes('\0')) return name
  } else if (isComponent(name)) return terminated(name)
  throw new KernelError(syscall, EINVAL, `${shown(name)} (not a file name)`)
}

const shown = (name: Name): string => JSON.stringify(Buffer.from(name).toString())

/** Bytes with the NUL that ends a C string. */
function terminated(bytes: Uint8Array): Uint8Array {
  const result = Buffer.allocUnsafe(bytes.length + 1)
  result.set(bytes)
  result[bytes.length] = 0
  return result
}

/** A path or link target, any text, as the kernel takes it. Throws KernelError EINVAL for a NUL. */
export function pathText(syscall: string, path: Name): string | Uint8Array {
  if (typeof path === 'string' ? path.includes('\0') : path.includes(0))
    throw new KernelError(syscall, EINVAL, `${shown(path)} (contains NUL)`)
  return typeof path === 'string' ? path : terminated(path)
}

/** Bytes from the kernel as text, or a copy of them if they are not UTF-8. */
export function decoded(bytes: Buffer): Name {
  return isUtf8(bytes) ? bytes.toString() : Buffer.from(bytes)
}
