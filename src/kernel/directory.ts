// What is in a directory, in bounded memory however much that is.

import { type Fd, failAt } from './descriptor.ts'
import { bind } from './ffi.ts'
import { type Name, decoded } from './name.ts'
import { numbers } from './syscalls.ts'

const { syscall: getdents64 } = bind({ syscall: { arguments: ['i32', 'i32', 'pointer', 'u64'], return: 'i32' } })
const { lseek } = bind({ lseek: { arguments: ['i32', 'i64', 'i32'], return: 'i64' } })

/** An entry of a directory. */
export interface DirectoryEntry {
  readonly name: Name
  /** The file type as in st_mode (S_IFDIR…); 0 where the file system does not say. */
  readonly type: number
  readonly ino: bigint
}

const bufferBytes = 32 * 1024
// struct linux_dirent64: d_ino, d_off (64 bits each), d_reclen (16), d_type (8), d_name.
const nameOffset = 19

/**
 * Yields what is in `dir` (opened for reading, not O_PATH), without `.` and `..`, in the order of the file system; starts over
 * at each call. Entries that are added or removed meanwhile may be seen or not. Throws KernelError. getdents64(2).
 */
export function* readDirectory(dir: Fd): Generator<DirectoryEntry, void, undefined> {
  if (lseek(dir.number, 0n, 0) < 0n) failAt('lseek', dir, '')
  const buffer = spare.pop() ?? Buffer.allocUnsafe(bufferBytes)
  try {
    for (;;) {
      const length = getdents64(numbers.getdents64, dir.number, buffer, BigInt(bufferBytes))
      if (length < 0) failAt('getdents64', dir, '')
      if (length === 0) return
      yield* entriesIn(buffer, length)
    }
  } finally {
    if (spare.length < maxSpare) spare.push(buffer)
  }
}

// Walks of many small directories would spend most of their time making buffers.
const spare: Buffer[] = []
const maxSpare = 8

function* entriesIn(buffer: Buffer, length: number): Generator<DirectoryEntry, void, undefined> {
  for (let start = 0; start < length; start += buffer.readUInt16LE(start + 16)) {
    const begin = start + nameOffset
    const name = decoded(buffer.subarray(begin, buffer.indexOf(0, begin)))
    if (name === '.' || name === '..') continue
    // d_type is the type's four bits of st_mode.
    yield { name, type: buffer.readUInt8(start + 18) << 12, ino: buffer.readBigUInt64LE(start) }
  }
}
