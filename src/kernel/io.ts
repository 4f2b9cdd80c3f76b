// Bytes in and out of open files, and on to the disk.

import { type Fd, failAt } from './descriptor.ts'
import { bind, lastErrno } from './ffi.ts'

const libc = bind({
  write: { arguments: ['i32', 'pointer', 'u64'], return: 'i32' },
  pwrite: { arguments: ['i32', 'pointer', 'u64', 'i64'], return: 'i32' },
  ftruncate: { arguments: ['i32', 'i64'], return: 'i32' },
  copy_file_range: { arguments: ['i32', 'pointer', 'i32', 'pointer', 'u64', 'u32'], return: 'i32' },
  fsync: { arguments: ['i32'], return: 'i32' },
  fdatasync: { arguments: ['i32'], return: 'i32' },
  syncfs: { arguments: ['i32'], return: 'i32' },
})

const EINTR = 4
/** Most bytes of one call, so that its result fits 32 bits. */
const maxBytes = 2 ** 30

/** Writes all of `bytes` at `position`, or where the file stands. Throws KernelError, with some bytes written. write(2). */
export function write(file: Fd, bytes: Uint8Array, position?: number): void {
  let rest = bytes
  while (rest.length > 0) {
    const written = writeSome(file, rest, position === undefined ? undefined : position + bytes.length - rest.length)
    if (written === rest.length) return
    rest = rest.subarray(written)
  }
}

function writeSome(file: Fd, bytes: Uint8Array, position: number | undefined): number {
  const length = BigInt(Math.min(bytes.length, maxBytes))
  const result =
    position === undefined
      ? libc.write(file.number, bytes, length)
      : libc.pwrite(file.number, bytes, length, BigInt(position))
  if (result >= 0) return result
  return lastErrno() === EINTR ? 0 : failAt('write', file, '')
}

/** Sets the size of a file in bytes; what is added reads as zeros and takes no space. ftruncate(2). */
export function truncate(file: Fd, size: number): void {
  if (libc.ftruncate(file.number, BigInt(size)) < 0) failAt('ftruncate', file, '')
}

/**
 * Copies up to `length` bytes from where one file stands to where the other stands, sharing blocks where the file system
 * can; returns how many, 0 at the end. Throws KernelError EXDEV or EINVAL where only reading and writing will do.
 * copy_file_range(2).
 */
export function copyFileRange(from: Fd, to: Fd, length: number): number {
  const size = BigInt(Math.min(length, maxBytes))
  const copied = libc.copy_file_range(from.number, null, to.number, null, size, 0)
  return copied < 0 ? failAt('copy_file_range', to, '') : copied
}

/** Waits until the file's data and metadata are on the disk. fsync(2). */
export function fsync(file: Fd): void {
  if (libc.fsync(file.number) < 0) failAt('fsync', file, '')
}

/** Waits until the file's data, and its size, are on the disk. fdatasync(2). */
export function fdatasync(file: Fd): void {
  if (libc.fdatasync(file.number) < 0) failAt('fdatasync', file, '')
}

/** Waits until all of the file system that `file` is on is on the disk. syncfs(2). */
export function syncfs(file: Fd): void {
  if (libc.syncfs(file.number) < 0) failAt('syncfs', file, '')
}
