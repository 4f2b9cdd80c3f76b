// File metadata by statx(2), whose structure is the same on every architecture.

import { type Fd, failAt } from './descriptor.ts'
import { bind } from './ffi.ts'
import { type Name, component } from './name.ts'

const { statx } = bind({ statx: { arguments: ['i32', 'pointer', 'i32', 'u32', 'pointer'], return: 'i32' } })

const AT_SYMLINK_NOFOLLOW = 0x100
const AT_NO_AUTOMOUNT = 0x800
const AT_EMPTY_PATH = 0x1000
const STATX_BASIC_STATS = 0x7ff

/** What statx(2) tells about a file. */
export interface Stat {
  /** Type and permission bits, as in st_mode. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes. */
  readonly size: number
  /** Space taken, in units of 512 bytes. */
  readonly blocks: number
  readonly nlink: number
  /** The file system's device number, as `makedev` makes it; with `ino` the file's identity. */
  readonly dev: number
  readonly ino: bigint
  /** Device number of a device node, as `makedev` makes it. */
  readonly rdev: number
  /** Nanoseconds since the Unix epoch. */
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** A device number in the 32-bit form that mknodat(2) takes: 12 bits of major, 20 of minor. */
export const makedev = (majorNumber: number, minorNumber: number): number =>
  (((majorNumber & 0xfff) << 8) | (minorNumber & 0xff) | ((minorNumber & 0xfff00) << 12)) >>> 0

/** The major number of a device number made by `makedev`. */
export const major = (dev: number): number => (dev >>> 8) & 0xfff

/** The minor number of a device number made by `makedev`. */
export const minor = (dev: number): number => (dev & 0xff) | ((dev >>> 12) & 0xfff00)

// One structure per thread: it is read before the next call can fill it again.
const bytes = new ArrayBuffer(256)
const u16 = new Uint16Array(bytes)
const u32 = new Uint32Array(bytes)
const i64 = new BigInt64Array(bytes)
const u64 = new BigUint64Array(bytes)

// Indices count elements of the view's size; the views cover the whole structure.
const at = (view: Uint16Array | Uint32Array, offset: number): number => view[offset / view.BYTES_PER_ELEMENT] ?? 0
const long = (offset: number): number => at(u32, offset) + at(u32, offset + 4) * 2 ** 32
const time = (offset: number): bigint => (i64[offset / 8] ?? 0n) * 1_000_000_000n + BigInt(at(u32, offset + 8))

function decode(): Stat {
  return {
    mode: at(u16, 28),
    uid: at(u32, 20),
    gid: at(u32, 24),
    size: long(40),
    blocks: long(48),
    nlink: at(u32, 16),
    dev: makedev(at(u32, 136), at(u32, 140)),
    ino: u64[4] ?? 0n,
    rdev: makedev(at(u32, 128), at(u32, 132)),
    mtimeNs: time(112),
    ctimeNs: time(96),
  }
}

/** Metadata of the open file, which may be an O_PATH descriptor. Throws KernelError. */
export function statFd(fd: Fd): Stat {
  if (statx(fd.number, '', AT_EMPTY_PATH, STATX_BASIC_STATS, u32) < 0) failAt('statx', fd, '')
  return decode()
}

/** Metadata of `name` in `dir`, of the link itself if it is one. Throws KernelError. */
export function statAt(dir: Fd, name: Name): Stat {
  const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT
  if (statx(dir.number, component('statx', name), flags, STATX_BASIC_STATS, u32) < 0) failAt('statx', dir, name)
  return decode()
}
