// Extended attributes of open files, and of directory entries without following links. xattr(7).

import { type Fd, nameOf } from './descriptor.ts'
import { KernelError, bind, lastErrno } from './ffi.ts'
import { type Name, component } from './name.ts'

const libc = bind({
  fgetxattr: { arguments: ['i32', 'pointer', 'pointer', 'u64'], return: 'i32' },
  fsetxattr: { arguments: ['i32', 'pointer', 'pointer', 'u64', 'i32'], return: 'i32' },
  flistxattr: { arguments: ['i32', 'pointer', 'u64'], return: 'i32' },
  fremovexattr: { arguments: ['i32', 'pointer'], return: 'i32' },
  lgetxattr: { arguments: ['pointer', 'pointer', 'pointer', 'u64'], return: 'i32' },
  lsetxattr: { arguments: ['pointer', 'pointer', 'pointer', 'u64', 'i32'], return: 'i32' },
  llistxattr: { arguments: ['pointer', 'pointer', 'u64'], return: 'i32' },
  lremovexattr: { arguments: ['pointer', 'pointer'], return: 'i32' },
})

const ENODATA = 61
const ENOTSUP = 95

// XATTR_SIZE_MAX and XATTR_LIST_MAX alike, so one call always does. One per thread: it is copied before the next call.
const buffer = Buffer.alloc(65_536)
const bufferSize = BigInt(buffer.length)

/** The value of an attribute; undefined if the file has none of that name, or its file system has no attributes. */
export function getXattr(file: Fd, attribute: string): Buffer | undefined {
  return value(libc.fgetxattr(file.number, attribute, buffer, bufferSize), attribute, file, '')
}

/** Sets an attribute. Throws KernelError (EPERM: `user.` attributes are for regular files and directories). */
export function setXattr(file: Fd, attribute: string, bytes: Uint8Array): void {
  const result = libc.fsetxattr(file.number, attribute, bytes, BigInt(bytes.length), 0)
  if (result < 0) fail('setxattr', attribute, file, '')
}

/** The names of all attributes; none where the file system has no attributes. */
export function listXattrs(file: Fd): string[] {
  return names(libc.flistxattr(file.number, buffer, bufferSize), file, '')
}

/** Removes an attribute. Throws KernelError (ENODATA if it isn't there). */
export function removeXattr(file: Fd, attribute: string): void {
  if (libc.fremovexattr(file.number, attribute) < 0) fail('removexattr', attribute, file, '')
}

/** As getXattr, for `name` in `dir`, of a link itself. */
export function getXattrAt(dir: Fd, name: Name, attribute: string): Buffer | undefined {
  return value(libc.lgetxattr(pathOf(dir, name), attribute, buffer, bufferSize), attribute, dir, name)
}

/** As setXattr, for `name` in `dir`, of a link itself. */
export function setXattrAt(dir: Fd, name: Name, attribute: string, bytes: Uint8Array): void {
  const result = libc.lsetxattr(pathOf(dir, name), attribute, bytes, BigInt(bytes.length), 0)
  if (result < 0) fail('setxattr', attribute, dir, name)
}

/** As listXattrs, for `name` in `dir`, of a link itself. */
export function listXattrsAt(dir: Fd, name: Name): string[] {
  return names(libc.llistxattr(pathOf(dir, name), buffer, bufferSize), dir, name)
}

/** As removeXattr, for `name` in `dir`, of a link itself. */
export function removeXattrAt(dir: Fd, name: Name, attribute: string): void {
  if (libc.lremovexattr(pathOf(dir, name), attribute) < 0) fail('removexattr', attribute, dir, name)
}

// The kernel has no such calls by directory before 6.13; the last component is all that is looked up here.
function pathOf(dir: Fd, name: Name): string | Uint8Array {
  const last = component('xattr', name)
  return typeof last === 'string' ? `${dir.path}/${last}` : Buffer.concat([Buffer.from(`${dir.path}/`), last])
}

function value(length: number, attribute: string, dir: Fd, name: Name): Buffer | undefined {
  if (length >= 0) return Buffer.from(buffer.subarray(0, length))
  const errno = lastErrno()
  return errno === ENODATA || errno === ENOTSUP ? undefined : fail('getxattr', attribute, dir, name, errno)
}

function names(length: number, dir: Fd, name: Name): string[] {
  if (length >= 0) return buffer.toString('utf8', 0, length).split('\0').slice(0, -1)
  const errno = lastErrno()
  return errno === ENOTSUP ? [] : fail('listxattr', '', dir, name, errno)
}

function fail(syscall: string, attribute: string, dir: Fd, name: Name, errno = lastErrno()): never {
  const path = name.length === 0 ? nameOf(dir) : `${nameOf(dir)}/${name.toString()}`
  throw new KernelError(syscall, errno, attribute === '' ? path : `${attribute} of ${path}`)
}
