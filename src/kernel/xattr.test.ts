// Extended attributes on a real file system.

import assert from 'node:assert/strict'
import { constants, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPath } from './descriptor.ts'
import { openAt } from './files.ts'
import { scratch } from './testing.ts'
import * as xattr from './xattr.ts'

function directory() {
  const cleanup = new DisposableStack()
  const { path } = cleanup.use(scratch())
  writeFileSync(join(path, 'file'), '')
  symlinkSync('file', join(path, 'link'))
  const dir = cleanup.use(openPath(path))
  return { path, dir, [Symbol.dispose]: () => cleanup.dispose() }
}

test('attributes of an open file are set, read, listed and removed', () => {
  using place = directory()
  using file = openAt(place.dir, 'file', constants.O_RDONLY)
  assert.deepEqual(xattr.listXattrs(file), [])
  assert.equal(xattr.getXattr(file, 'user.none'), undefined)
  const value = Buffer.from([0, 1, 255, 0])
  xattr.setXattr(file, 'user.one', value)
  xattr.setXattr(file, 'user.empty', Buffer.alloc(0))
  assert.deepEqual(xattr.getXattr(file, 'user.one'), value)
  assert.deepEqual(xattr.getXattr(file, 'user.empty'), Buffer.alloc(0))
  assert.deepEqual(xattr.listXattrs(file).toSorted(), ['user.empty', 'user.one'])
  xattr.removeXattr(file, 'user.one')
  assert.deepEqual(xattr.listXattrs(file), ['user.empty'])
})

test('a value is a copy of its own', () => {
  using place = directory()
  xattr.setXattrAt(place.dir, 'file', 'user.a', Buffer.from('first'))
  xattr.setXattrAt(place.dir, 'file', 'user.b', Buffer.from('other'))
  const first = xattr.getXattrAt(place.dir, 'file', 'user.a')
  xattr.getXattrAt(place.dir, 'file', 'user.b')
  assert.equal(first?.toString(), 'first')
})

test('file capabilities survive', () => {
  using place = directory()
  // VFS_CAP_REVISION_2 with CAP_NET_RAW permitted and effective.
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
  xattr.setXattrAt(place.dir, 'file', 'security.capability', capability)
  assert.deepEqual(xattr.getXattrAt(place.dir, 'file', 'security.capability'), capability)
})

test('by name, a link is itself', () => {
  using place = directory()
  xattr.setXattrAt(place.dir, 'link', 'trusted.gantry', Buffer.from('link'))
  assert.equal(xattr.getXattrAt(place.dir, 'file', 'trusted.gantry'), undefined)
  assert.deepEqual(xattr.listXattrsAt(place.dir, 'link'), ['trusted.gantry'])
  assert.deepEqual(xattr.listXattrsAt(place.dir, Buffer.from('link')), ['trusted.gantry'])
  xattr.removeXattrAt(place.dir, 'link', 'trusted.gantry')
  assert.deepEqual(xattr.listXattrsAt(place.dir, 'link'), [])
})

test('where a file system has no attributes there are none to read', () => {
  using proc = openPath('/proc')
  assert.deepEqual(xattr.listXattrsAt(proc, 'version'), [])
  assert.equal(xattr.getXattrAt(proc, 'version', 'user.a'), undefined)
})

test('failures name attribute and file', () => {
  using place = directory()
  const { dir, path } = place
  const value = Buffer.from('x')
  const denied = `setxattr user.a of ${path}/link: operation not permitted`
  assert.throws(() => xattr.setXattrAt(dir, 'link', 'user.a', value), { code: 'EPERM', message: denied })
  const missing = `removexattr user.a of ${path}/file: no data available`
  assert.throws(() => xattr.removeXattrAt(dir, 'file', 'user.a'), { code: 'ENODATA', message: missing })
  const gone = `listxattr ${path}/none: no such file or directory`
  assert.throws(() => xattr.listXattrsAt(dir, 'none'), { code: 'ENOENT', message: gone })
  assert.throws(() => xattr.getXattrAt(dir, '../x', 'user.a'), { code: 'EINVAL' })
  using file = openAt(dir, 'file', constants.O_RDONLY)
  assert.throws(() => xattr.setXattr(file, 'nonsense', value), { code: 'ENOTSUP' })
  assert.throws(() => xattr.setXattr(file, 'user.big', Buffer.alloc(70_000)), { code: 'E2BIG' })
})
