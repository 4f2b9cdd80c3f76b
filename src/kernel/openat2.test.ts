// Walks inside a hostile tree: nothing planted there leads out of it.

import assert from 'node:assert/strict'
import { constants, mkdirSync, readFileSync, readSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { O_PATH, O_TMPFILE, openPath } from './descriptor.ts'
import { openBeneath, openFileInRoot, openInRoot } from './openat2.ts'
import { spawn, reap } from './spawn.ts'
import { statFd } from './stat.ts'
import { inWorker, scratch } from './testing.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_WRONLY, O_RDWR } = constants

function tree() {
  const cleanup = new DisposableStack()
  const { path } = cleanup.use(scratch())
  mkdirSync(join(path, 'root/etc'), { recursive: true })
  writeFileSync(join(path, 'outside'), 'secret')
  writeFileSync(join(path, 'root/etc/passwd'), 'inside')
  symlinkSync('/etc/passwd', join(path, 'root/absolute'))
  symlinkSync('../../../../../../etc/passwd', join(path, 'root/etc/up'))
  symlinkSync('/proc/self/root/etc', join(path, 'root/magic'))
  const root = cleanup.use(openPath(join(path, 'root')))
  return { path, root, [Symbol.dispose]: () => cleanup.dispose() }
}

function textOf(fd: { number: number }): string {
  const buffer = Buffer.alloc(64)
  return buffer.toString('utf8', 0, readSync(fd.number, buffer))
}

test('links and .. resolve inside the root', () => {
  using files = tree()
  for (const path of ['etc/passwd', '/etc/passwd', 'absolute', 'etc/up', '../../etc/passwd']) {
    using fd = openInRoot(files.root, path, O_RDONLY)
    assert.equal(textOf(fd), 'inside', path)
  }
  assert.throws(() => openInRoot(files.root, '../outside', O_RDONLY), { code: 'ENOENT' })
})

test('magic links are refused', () => {
  using host = openPath('/')
  assert.throws(() => openInRoot(host, '/proc/self/root/etc', O_PATH), { code: 'ELOOP' })
  assert.throws(() => openBeneath(host, 'proc/self/cwd', O_PATH), { code: 'ELOOP' })
})

test('beneath, whatever leads out is an error', () => {
  using files = tree()
  for (const path of ['/etc/passwd', '../outside', 'absolute', 'etc/up'])
    assert.throws(() => openBeneath(files.root, path, O_RDONLY), { code: 'EXDEV' }, path)
  using fd = openBeneath(files.root, 'etc/passwd', O_RDONLY)
  assert.equal(textOf(fd), 'inside')
})

test('beneath and without links, a link anywhere is an error', () => {
  using files = tree()
  symlinkSync('etc', join(files.path, 'root/link'))
  using through = openBeneath(files.root, 'link/passwd', O_RDONLY)
  assert.equal(textOf(through), 'inside')
  const strict = () => openBeneath(files.root, 'link/passwd', O_RDONLY, 0, { noSymlinks: true })
  assert.throws(strict, { code: 'ELOOP' })
})

test('files are created with the mode asked for', () => {
  using files = tree()
  const mask = process.umask(0)
  try {
    using created = openInRoot(files.root, '/etc/new', O_WRONLY | O_CREAT | O_EXCL, 0o640)
    assert.equal(statFd(created).mode, constants.S_IFREG | 0o640)
    using unnamed = openInRoot(files.root, '/etc', O_RDWR | O_TMPFILE, 0o600)
    assert.equal(statFd(unnamed).nlink, 0)
  } finally {
    process.umask(mask)
  }
  assert.equal(readFileSync(join(files.path, 'root/etc/new'), 'utf8'), '')
})

test('a FIFO neither blocks nor passes for a file', () => {
  using files = tree()
  const pid = spawn({
    file: '/usr/bin/mkfifo',
    argv: ['mkfifo', join(files.path, 'root/fifo')],
    env: {},
    fds: new Map(),
  })
  while (reap(pid) === undefined);
  using fifo = openInRoot(files.root, 'fifo', O_RDONLY)
  assert.equal(statFd(fifo).mode & constants.S_IFMT, constants.S_IFIFO)
  assert.throws(() => openFileInRoot(files.root, 'fifo'), { code: 'EINVAL', message: /fifo \(not a regular file\)/ })
  assert.throws(() => openFileInRoot(files.root, 'etc'), { code: 'EINVAL' })
  using file = openFileInRoot(files.root, 'absolute')
  assert.equal(textOf(file), 'inside')
})

test('a failure names the whole path', () => {
  using files = tree()
  const expected = `openat2 ${files.path}/root/no/such: no such file or directory`
  assert.throws(() => openInRoot(files.root, 'no/such', O_PATH), { message: expected })
})

test('walks with .. succeed while directories are being renamed', async () => {
  using files = tree()
  mkdirSync(join(files.path, 'a'))
  mkdirSync(join(files.path, 'root/etc/deep'))
  const source = `const { renameSync } = require('node:fs'); const { workerData, parentPort } = require('node:worker_threads')
    parentPort.postMessage('renaming')
    for (;;) { renameSync(workerData + '/a', workerData + '/b'); renameSync(workerData + '/b', workerData + '/a') }`
  const worker = new Worker(source, { eval: true, workerData: files.path })
  try {
    await new Promise(resolve => worker.once('message', resolve))
    for (let round = 0; round < 2000; round++) {
      using fd = openInRoot(files.root, 'etc/deep/../deep/../passwd', O_RDONLY)
      assert.equal(textOf(fd), 'inside')
    }
  } finally {
    await worker.terminate()
  }
})

const walk = (path: string) => `
    const { openPath } = await kernel('descriptor'); const { openInRoot } = await kernel('openat2')
    using root = openPath('/')
    const codes = new Set()
    for (let i = 0; i < 3000; i++) try { openInRoot(root, ${JSON.stringify(path)}, ${O_DIRECTORY}) } catch (e) { codes.add(e.code) }
    return [...codes]`

test('errno belongs to the thread: workers report their own failures', async () => {
  const paths = ['/nowhere', '/proc/version', '/proc/self/root']
  const codes = await Promise.all(paths.map(path => inWorker<string[]>(walk(path))))
  assert.deepEqual(codes, [['ENOENT'], ['ENOTDIR'], ['ELOOP']])
})

test('paths may be bytes, and never hold a NUL', () => {
  using files = tree()
  const name = Buffer.from([0x66, 0xff])
  writeFileSync(Buffer.concat([Buffer.from(`${files.path}/root/etc/`), name]), 'bytes')
  using fd = openBeneath(files.root, Buffer.concat([Buffer.from('etc/'), name]), O_RDONLY)
  assert.equal(textOf(fd), 'bytes')
  assert.throws(() => openInRoot(files.root, Buffer.from('none'), O_PATH), { message: /root\/none: no such file/ })
  for (const path of ['etc\0/passwd', Buffer.from('etc\0')])
    assert.throws(() => openInRoot(files.root, path, O_PATH), { name: 'KernelError', message: /contains NUL/ })
})
