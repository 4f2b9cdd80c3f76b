// Files by directory and name on a real file system: what is made, changed and refused.

import assert from 'node:assert/strict'
import {
  constants,
  lstatSync,
  mkdirSync,
  readFileSync,
  readSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Fd, O_PATH, O_TMPFILE, openPath } from './descriptor.ts'
import * as files from './files.ts'
import { removeTree, removeTreeWithin } from './remove-tree.ts'
import { inWorker, scratch } from './testing.ts'

const { O_CREAT, O_EXCL, O_DIRECTORY, O_RDONLY, O_RDWR, O_WRONLY, S_IFMT } = constants

function directory(): { readonly path: string; readonly dir: Fd } & Disposable {
  const cleanup = new DisposableStack()
  const { path } = cleanup.use(scratch())
  const dir = cleanup.use(openPath(path, O_RDONLY | O_DIRECTORY))
  return { path, dir, [Symbol.dispose]: () => cleanup.dispose() }
}

function create(dir: Fd, name: files.Name, text: string): void {
  using file = files.openAt(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  files.write(file, Buffer.from(text))
}

const namesIn = (dir: Fd) => Array.from(files.readDirectory(dir), entry => entry.name.toString()).toSorted()

test('directories, files, links and nodes of every type', () => {
  using place = directory()
  const { dir } = place
  files.mkdirAt(dir, 'directory', 0o750)
  create(dir, 'file', 'text')
  files.symlinkAt('../anywhere/at all', dir, 'link')
  files.linkAt(dir, 'file', dir, 'second')
  files.linkAt(dir, 'link', dir, 'same link')
  files.mknodAt(dir, 'fifo', constants.S_IFIFO | 0o600)
  files.mknodAt(dir, 'null', constants.S_IFCHR | 0o666, files.makedev(1, 3))
  files.mknodAt(dir, 'block', constants.S_IFBLK | 0o600, files.makedev(259, 70_000))
  const types = {
    directory: constants.S_IFDIR,
    file: constants.S_IFREG,
    link: constants.S_IFLNK,
    fifo: constants.S_IFIFO,
  }
  for (const [name, type] of Object.entries(types)) assert.equal(files.statAt(dir, name).mode & S_IFMT, type, name)
  assert.equal(readlinkSync(join(place.path, 'link')), '../anywhere/at all')
  assert.equal(files.readlinkAt(dir, 'same link'), '../anywhere/at all')
  assert.equal(files.statAt(dir, 'second').nlink, 2)
  assert.equal(files.statAt(dir, 'second').ino, files.statAt(dir, 'file').ino)
  const block = files.statAt(dir, 'block')
  assert.deepEqual([files.major(block.rdev), files.minor(block.rdev)], [259, 70_000])
  assert.equal(Number(lstatSync(join(place.path, 'null')).rdev), 0x103)
})

test('device numbers survive being put together and taken apart', () => {
  const property = fc.property(fc.nat(0xfff), fc.nat(0xfffff), (high, low) => {
    const dev = files.makedev(high, low)
    assert.ok(dev >= 0)
    assert.deepEqual([files.major(dev), files.minor(dev)], [high, low])
  })
  fc.assert(property)
})

test('stat agrees with node', () => {
  using place = directory()
  create(place.dir, 'file', 'x'.repeat(5000))
  const ours = files.statAt(place.dir, 'file')
  const theirs = lstatSync(join(place.path, 'file'), { bigint: true })
  for (const key of ['mode', 'uid', 'gid', 'size', 'nlink', 'blocks', 'rdev'] as const)
    assert.equal(ours[key], Number(theirs[key]), key)
  for (const key of ['ino', 'mtimeNs', 'ctimeNs'] as const) assert.equal(ours[key], theirs[key], key)
  assert.equal(ours.dev, Number(theirs.dev))
  using handle = files.openAt(place.dir, 'file', O_PATH)
  assert.deepEqual(files.statFd(handle), ours)
})

test('owner, mode and times, of links themselves', () => {
  using place = directory()
  const { dir } = place
  create(dir, 'file', '')
  files.symlinkAt('file', dir, 'link')
  files.chownAt(dir, 'link', 1, 2)
  files.utimensAt(dir, 'link', 5n)
  files.chownAt(dir, 'file', 4_000_000_000, 1000)
  files.chmodAt(dir, 'file', 0o4751)
  files.utimensAt(dir, 'file', -1_500_000_001n, 1_700_000_000_123_456_789n)
  const link = files.statAt(dir, 'link')
  assert.deepEqual([link.uid, link.gid, link.mtimeNs], [1, 2, 5n])
  const file = files.statAt(dir, 'file')
  assert.deepEqual([file.uid, file.gid, file.mode & 0o7777], [4_000_000_000, 1000, 0o4751])
  assert.equal(file.mtimeNs, -1_500_000_001n)
  assert.equal(lstatSync(join(place.path, 'file'), { bigint: true }).atimeNs, 1_700_000_000_123_456_789n)
})

test('owner, mode and times of an open file', () => {
  using place = directory()
  using file = files.openAt(place.dir, 'file', O_RDWR | O_CREAT | O_EXCL, 0o600)
  files.fchown(file, 7, 8)
  files.fchmod(file, 0o2755)
  files.futimens(file, 10n)
  const { uid, gid, mode, mtimeNs } = files.statFd(file)
  assert.deepEqual([uid, gid, mode & 0o7777, mtimeNs], [7, 8, 0o2755, 10n])
})

test('modes are never set through a link, on old kernels neither', () => {
  using place = directory()
  create(place.dir, 'file', '')
  files.symlinkAt('file', place.dir, 'link')
  for (const change of [files.chmodAt, files.chmodByDescriptor]) {
    assert.throws(() => change(place.dir, 'link', 0o777), {
      code: 'ENOTSUP',
      message: /\/link: operation not supported$/,
    })
    change(place.dir, 'file', 0o640)
    assert.equal(files.statAt(place.dir, 'file').mode & 0o7777, 0o640)
    change(place.dir, 'file', 0o600)
  }
})

test('links are not followed, FIFOs do not block', () => {
  using place = directory()
  files.symlinkAt('/etc/hostname', place.dir, 'link')
  assert.throws(() => files.openAt(place.dir, 'link', O_RDONLY), { code: 'ELOOP' })
  files.mknodAt(place.dir, 'fifo', constants.S_IFIFO | 0o600)
  using fifo = files.openAt(place.dir, 'fifo', O_RDONLY)
  assert.equal(files.statFd(fifo).mode & S_IFMT, constants.S_IFIFO)
})

test('a name is one component: whatever could lead elsewhere is refused', () => {
  using place = directory()
  const { dir } = place
  const calls: Record<string, (name: files.Name) => unknown> = {
    openat: name => files.openAt(dir, name, O_PATH),
    mkdirat: name => files.mkdirAt(dir, name, 0o755),
    mknodat: name => files.mknodAt(dir, name, constants.S_IFIFO),
    symlinkat: name => files.symlinkAt('x', dir, name),
    unlinkat: name => files.unlinkAt(dir, name),
    fchownat: name => files.chownAt(dir, name, 0, 0),
    fchmodat2: name => files.chmodAt(dir, name, 0),
    utimensat: name => files.utimensAt(dir, name, 0n),
    readlinkat: name => files.readlinkAt(dir, name),
    statx: name => files.statAt(dir, name),
    linkat: name => files.linkAt(dir, 'x', dir, name),
    renameat2: name => files.renameAt(dir, 'x', dir, name),
  }
  for (const [syscall, call] of Object.entries(calls))
    for (const name of ['..', '', 'a/b', '/etc', 'a\0b', Buffer.from('..'), Buffer.from('a/b'), Buffer.from('a\0b')])
      assert.throws(() => call(name), { name: 'KernelError', syscall, code: 'EINVAL', message: /not a file name/ })
  assert.throws(() => files.symlinkAt('a\0b', dir, 'x'), { code: 'EINVAL', message: /contains NUL/ })
  assert.deepEqual(namesIn(dir), [])
})

test('names and targets that are not UTF-8 stay what they are', () => {
  using place = directory()
  const name = Buffer.from([0x66, 0xff, 0xe9])
  const target = Buffer.from([0x2f, 0xc0, 0x80])
  files.symlinkAt(target, place.dir, name)
  assert.deepEqual(files.readlinkAt(place.dir, name), target)
  const [entry] = files.readDirectory(place.dir)
  assert.deepEqual(entry?.name, name)
  files.renameAt(place.dir, name, place.dir, 'naïve')
  assert.deepEqual(namesIn(place.dir), ['naïve'])
  assert.equal(entry.type, constants.S_IFLNK)
})

test('renaming can refuse to replace, and can exchange', () => {
  using place = directory()
  const { dir, path } = place
  create(dir, 'a', 'A')
  create(dir, 'b', 'B')
  const clash = `renameat2 ${path}/a: file exists`
  assert.throws(() => files.renameAt(dir, 'a', dir, 'b', { noReplace: true }), { code: 'EEXIST', message: clash })
  files.renameAt(dir, 'a', dir, 'b', { exchange: true })
  assert.deepEqual([readFileSync(`${path}/a`, 'utf8'), readFileSync(`${path}/b`, 'utf8')], ['B', 'A'])
  files.renameAt(dir, 'a', dir, 'b')
  assert.deepEqual(namesIn(dir), ['b'])
})

test('unlinking tells files from directories', () => {
  using place = directory()
  files.mkdirAt(place.dir, 'd', 0o700)
  create(place.dir, 'f', '')
  assert.throws(() => files.unlinkAt(place.dir, 'd'), { code: 'EISDIR' })
  assert.throws(() => files.unlinkAt(place.dir, 'f', { directory: true }), { code: 'ENOTDIR' })
  files.unlinkAt(place.dir, 'd', { directory: true })
  files.unlinkAt(place.dir, 'f')
  assert.deepEqual(namesIn(place.dir), [])
})

test('an unnamed file gets its name when it is complete', () => {
  using place = directory()
  using file = files.openAt(place.dir, '.', O_RDWR | O_TMPFILE, 0o600)
  files.write(file, Buffer.from('whole'))
  files.fdatasync(file)
  files.linkFdAt(file, place.dir, 'named')
  files.fsync(place.dir)
  files.syncfs(place.dir)
  assert.equal(readFileSync(join(place.path, 'named'), 'utf8'), 'whole')
})

test('writing at a position leaves a hole, truncating adds one', () => {
  using place = directory()
  using file = files.openAt(place.dir, 'sparse', O_RDWR | O_CREAT, 0o600)
  const position = 5 * 2 ** 30
  files.write(file, new Uint8Array(Buffer.from('-end-')).subarray(1, 4), position)
  files.truncate(file, 6 * 2 ** 30)
  const { size, blocks } = files.statFd(file)
  assert.equal(size, 6 * 2 ** 30)
  assert.ok(blocks * 512 < 2 ** 20)
  const tail = Buffer.alloc(4)
  readSync(file.number, tail, 0, 4, position)
  assert.equal(tail.toString(), 'end\0')
})

test('a full disk fails with what could not be written', () => {
  using full = openPath('/dev/full', O_WRONLY)
  assert.throws(() => files.write(full, Buffer.from('x')), { message: 'write /dev/full: no space left on device' })
})

test('copying a range goes on where it stopped', () => {
  using place = directory()
  create(place.dir, 'from', 'abcdef')
  using from = files.openAt(place.dir, 'from', O_RDONLY)
  using to = files.openAt(place.dir, 'to', O_RDWR | O_CREAT, 0o600)
  assert.deepEqual(
    [4, 4, 4].map(length => files.copyFileRange(from, to, length)),
    [4, 2, 0],
  )
  assert.equal(readFileSync(join(place.path, 'to'), 'utf8'), 'abcdef')
})

test('a directory of many entries is read whole, and again', () => {
  using place = directory()
  const expected = Array.from({ length: 3000 }, (_, index) => `${'long'.repeat(20)}${index}`).toSorted()
  for (const name of expected) files.mknodAt(place.dir, name, constants.S_IFREG)
  assert.deepEqual(namesIn(place.dir), expected)
  assert.deepEqual(namesIn(place.dir), expected)
  const [entry] = files.readDirectory(place.dir)
  assert.equal(entry?.ino, files.statAt(place.dir, entry?.name ?? '').ino)
})

test('a closed directory is refused', () => {
  using place = directory()
  const dir = place.dir.dup()
  dir.close()
  assert.throws(() => files.mkdirAt(dir, 'x', 0o700), { code: 'EBADF' })
  assert.throws(() => [...files.readDirectory(dir)], { code: 'EBADF' })
})

test('workers make files side by side', async () => {
  using place = directory()
  const work = (prefix: string) => `
    const { mkdirAt, statAt } = await kernel('files'); const { openPath } = await kernel('descriptor')
    using dir = openPath(${JSON.stringify(place.path)})
    let clashes = 0
    for (let i = 0; i < 500; i++) {
      mkdirAt(dir, '${prefix}' + i, 0o700)
      try { mkdirAt(dir, '${prefix}' + i, 0o700) } catch (error) { if (error.code === 'EEXIST') clashes++ }
      try { statAt(dir, 'none') } catch (error) { if (error.code !== 'ENOENT') throw error }
    }
    return clashes`
  assert.deepEqual(await Promise.all(['a', 'b'].map(prefix => inWorker<number>(work(prefix)))), [500, 500])
  assert.equal(namesIn(place.dir).length, 1000)
})

test('trees are removed, links in them are not followed', () => {
  using place = directory()
  const { path, dir } = place
  mkdirSync(join(path, 'tree/a/b'), { recursive: true })
  mkdirSync(join(path, 'kept'))
  writeFileSync(join(path, 'kept/file'), '')
  writeFileSync(join(path, 'tree/a/file'), '')
  symlinkSync(join(path, 'kept'), join(path, 'tree/a/b/link'))
  symlinkSync('kept', join(path, 'link'))
  for (const name of ['tree', 'link', 'not there']) removeTree(dir, name)
  assert.deepEqual(namesIn(dir), ['kept'])
  assert.ok(lstatSync(join(path, 'kept/file')))
})

test('a tree deeper than any path, stack or descriptor table is removed', () => {
  using place = directory()
  files.mkdirAt(place.dir, 'deep', 0o700)
  let at = files.openAt(place.dir, 'deep', O_RDONLY | O_DIRECTORY)
  for (let depth = 0; depth < 5000; depth++) {
    files.mkdirAt(at, 'd', 0o700)
    const next = files.openAt(at, 'd', O_RDONLY | O_DIRECTORY)
    at.close()
    at = next
  }
  at.close()
  removeTree(place.dir, 'deep')
  assert.deepEqual(namesIn(place.dir), [])
})

test('a large tree is removed bit by bit', () => {
  using place = directory()
  for (const name of ['a', 'a/b', 'a/b/c', 'a/d']) mkdirSync(join(place.path, name))
  for (let index = 0; index < 100; index++)
    writeFileSync(join(place.path, 'a', index % 2 ? 'b/c' : 'd', `${index}`), '')
  let rounds = 0
  while (!removeTreeWithin(place.dir, 'a', 10)) rounds++
  assert.ok(rounds >= 10 && rounds < 40, `${rounds} rounds`)
  assert.deepEqual(namesIn(place.dir), [])
})
