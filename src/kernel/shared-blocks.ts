// Files with the same bytes share their blocks, where the file system can: each stays a file of its own. ioctl_fideduperange(2).

import { constants } from 'node:fs'
import { type Fd, O_TMPFILE, failAt, nameOf } from './descriptor.ts'
import { KernelError, bind } from './ffi.ts'
import { write } from './io.ts'
import { openBeneath } from './openat2.ts'

const { ioctl } = bind({ ioctl: { arguments: ['i32', 'u64', 'pointer'], return: 'i32' } })

const FIDEDUPERANGE = 0xc0_18_94_36n
// struct file_dedupe_range: offset and length in the source, how many targets (16 bits); then for each target a struct
// file_dedupe_range_info: descriptor, offset, bytes done, status (32 bits).
const targetAt = 24
const structureBytes = 56
/** Bytes of one call: some file systems take no more. */
const maxBytes = 16 << 20

/**
 * Makes `target` share the blocks of `source` if the first `size` bytes, all there are in both, are the same; false if they
 * differ. The kernel compares them while nobody can change them. Both may be open for reading only, by root. Throws
 * KernelError, EOPNOTSUPP where the file system can't.
 */
export function shareBlocks(source: Fd, target: Fd, size: number): boolean {
  const range = Buffer.alloc(structureBytes)
  for (let offset = 0; offset < size; ) {
    range.fill(0)
    range.writeBigUInt64LE(BigInt(offset), 0)
    range.writeBigUInt64LE(BigInt(Math.min(size - offset, maxBytes)), 8)
    range.writeUInt16LE(1, 16)
    range.writeBigInt64LE(BigInt(target.number), targetAt)
    range.writeBigUInt64LE(BigInt(offset), targetAt + 8)
    if (ioctl(source.number, FIDEDUPERANGE, range) < 0) failAt('ioctl', source, '')
    const status = range.readInt32LE(targetAt + 24)
    if (status < 0) throw new KernelError('ioctl', -status, nameOf(target))
    const done = Number(range.readBigUInt64LE(targetAt + 16))
    if (status !== 0 || done === 0) return false
    offset += done
  }
  return true
}

/** True if files in `directory` can share blocks. */
export function sharesBlocks(directory: Fd): boolean {
  const bytes = Buffer.alloc(64 << 10, 1)
  try {
    using one = openBeneath(directory, '.', O_TMPFILE | constants.O_RDWR, 0o600)
    using other = openBeneath(directory, '.', O_TMPFILE | constants.O_RDWR, 0o600)
    for (const file of [one, other]) write(file, bytes)
    return shareBlocks(one, other, bytes.length)
  } catch (error) {
    if (error instanceof KernelError) return false
    throw error
  }
}
