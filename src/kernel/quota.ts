// Project quotas: directories are marked with a number, and what is below them may take so much. quotactl(2), ioctl_xfs_fsgetxattr(2).

import { type Fd, nameOf } from './descriptor.ts'
import { KernelError, bind, check, hasCode, lastErrno } from './ffi.ts'
import { numbers } from './syscalls.ts'

const { ioctl } = bind({ ioctl: { arguments: ['i32', 'u64', 'pointer'], return: 'i32' } })
const { syscall: quotactl } = bind({
  syscall: { arguments: ['i32', 'i32', 'u32', 'u32', 'pointer'], return: 'i32' },
})

const projectQuota = 2
// The type of quota is in the lowest eight bits.
const command = (number: number) => ((number << 8) | projectQuota) >>> 0
const getQuota = command(0x80_00_07)
const setQuota = command(0x80_00_08)
const getState = command(0x58_05)

/** In the answer of Q_XGETQSTAT: limits of projects are enforced. */
const projectsLimited = 1 << 5

// struct if_dqblk: eight numbers of 64 bits, then which of them are meant; blocks have 1024 bytes.
const limitBytes = 72
const blockSize = 1024
const limitsOfBlocks = 1

// struct fsxattr, and its flag by which new files below a directory get its mark.
const attributeBytes = 28
const getAttributes = 0x80_1c_58_1fn
const setAttributes = 0x40_1c_58_20n
const inherits = 0x200

/** True if the file system of `directory` enforces limits of projects. Throws KernelError for anything but "no". */
export function limitsProjects(directory: Fd): boolean {
  // struct fs_quota_stat: the flags follow a byte of version and one of padding.
  const state = Buffer.alloc(256)
  if (quotactl(numbers.quotactl_fd, directory.number, getState, 0, state) === 0) {
    return (state.readUInt16LE(2) & projectsLimited) !== 0
  }
  const error = new KernelError('quotactl_fd', lastErrno(), nameOf(directory))
  if (hasCode(error, 'ENOSYS', 'ENOTBLK', 'ESRCH', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM')) return false
  throw error
}

/** What a project has on the file system of a directory. */
export interface ProjectUsage {
  readonly bytes: bigint
  readonly files: bigint
}

/** Reads what project `id` takes. Throws KernelError. */
export function projectUsage(directory: Fd, id: number): ProjectUsage {
  const limits = Buffer.alloc(limitBytes)
  if (quotactl(numbers.quotactl_fd, directory.number, getQuota, id, limits) < 0) {
    const error = new KernelError('quotactl_fd', lastErrno(), `project ${id} on ${nameOf(directory)}`)
    // Nothing is known of it.
    if (hasCode(error, 'ENOENT', 'ESRCH')) return { bytes: 0n, files: 0n }
    throw error
  }
  return { bytes: limits.readBigUInt64LE(16), files: limits.readBigUInt64LE(40) }
}

/** Lets project `id` have so many bytes, rounded up to 1024; 0 is without a limit. Throws KernelError. */
export function limitProject(directory: Fd, id: number, bytes: number): void {
  const limits = Buffer.alloc(limitBytes)
  const blocks = BigInt(Math.ceil(bytes / blockSize))
  limits.writeBigUInt64LE(blocks, 0)
  limits.writeBigUInt64LE(blocks, 8)
  limits.writeUInt32LE(limitsOfBlocks, 64)
  const subject = `project ${id} on ${nameOf(directory)}`
  check('quotactl_fd', subject, quotactl(numbers.quotactl_fd, directory.number, setQuota, id, limits))
}

/** Makes a directory, and all that is made below it from now on, part of project `id`. Throws KernelError. */
export function assignProject(directory: Fd, id: number): void {
  const attributes = Buffer.alloc(attributeBytes)
  check('ioctl', nameOf(directory), ioctl(directory.number, getAttributes, attributes))
  attributes.writeUInt32LE((attributes.readUInt32LE(0) | inherits) >>> 0, 0)
  attributes.writeUInt32LE(id, 12)
  check('ioctl', nameOf(directory), ioctl(directory.number, setAttributes, attributes))
}
