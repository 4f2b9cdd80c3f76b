// Trees attached where nobody else is: what they show, what can be written, and that nothing stays in the host's namespace.

import assert from 'node:assert/strict'
import {
  constants,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Fd, O_PATH } from './descriptor.ts'
import { mkdirAt } from './files.ts'
import { currentMountNamespace, inMountNamespace } from './mount-namespace.ts'
import { mountTmpfs, openTree } from './mount.ts'
import { openInRoot } from './openat2.ts'
import { type ViewMount, assembleView, cloneFrom } from './tree-view.ts'

function place() {
  const path = mkdtempSync(join(tmpdir(), 'gantry-view-'))
  for (const name of ['place', 'volume/sub']) mkdirSync(join(path, name), { recursive: true })
  writeFileSync(join(path, 'volume/f'), 'volume')
  writeFileSync(join(path, 'volume/sub/g'), 'part')
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

const tree = () => mountTmpfs({ mode: '755' })
const contentOf = (root: Fd, path: string): string => {
  using file = openInRoot(root, path, constants.O_RDONLY)
  return readFileSync(file.path, 'utf8')
}
const writes = (root: Fd, path: string) => openInRoot(root, path, constants.O_WRONLY | constants.O_CREAT, 0o644).close()

test('a view shows its mounts, as they may be used, and the host sees none of them', () => {
  using host = place()
  const table = readFileSync('/proc/self/mountinfo', 'utf8')
  using root = tree()
  const clone = (path: string) => openTree(join(host.path, path), { clone: true })
  using volume = clone('volume')
  using readonly = clone('volume')
  using part = clone('volume')
  using filePart = clone('volume')
  using file = clone('volume/f')
  const mounts: ViewMount[] = [
    { tree: volume, destination: '/a/deep/volume', subpath: '', readonly: false },
    { tree: readonly, destination: '/ro', subpath: '', readonly: true },
    { tree: part, destination: '/part', subpath: 'sub', readonly: false },
    { tree: filePart, destination: '/part-file', subpath: 'sub/g', readonly: false },
    { tree: file, destination: '/files/f', subpath: '', readonly: false },
  ]
  {
    const view = assembleView(root, mounts, { place: join(host.path, 'place'), readonly: true })
    using namespace = view.namespace
    using top = view.root
    assert.equal(contentOf(top, '/a/deep/volume/f'), 'volume')
    assert.equal(contentOf(top, '/part/g'), 'part')
    assert.equal(contentOf(top, '/part-file'), 'part')
    assert.equal(contentOf(top, '/files/f'), 'volume')
    writes(top, '/a/deep/volume/new')
    assert.throws(() => writes(top, '/ro/new'), { code: 'EROFS' })
    assert.throws(() => writes(top, '/new'), { code: 'EROFS' })
    using copy = cloneFrom(namespace, top)
    writes(copy, '/new')
    assert.throws(() => openInRoot(copy, '/a/deep/volume/f', O_PATH), { code: 'ENOENT' })
  }
  assert.deepEqual(readdirSync(join(host.path, 'volume')).toSorted(), ['f', 'new', 'sub'])
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), table)
  assert.deepEqual(readdirSync(join(host.path, 'place')), [])
})

test('destinations that are links lead nowhere but inside', () => {
  using host = place()
  using root = tree()
  symlinkSync('/tmp', join(root.path, 'absolute'))
  symlinkSync('../../../../tmp', join(root.path, 'up'))
  mkdirAt(root, 'tmp', 0o755)
  using volume = openTree(join(host.path, 'volume'), { clone: true })
  const mounts = [{ tree: volume, destination: '/up/into', subpath: '', readonly: false }]
  const view = assembleView(root, mounts, { place: join(host.path, 'place'), readonly: false })
  using _namespace = view.namespace
  using top = view.root
  assert.equal(contentOf(top, '/absolute/into/f'), 'volume')
  assert.equal(contentOf(top, '/tmp/into/f'), 'volume')
})

const where = () => [readFileSync('/proc/thread-self/mountinfo', 'utf8'), process.cwd()]
const inside = () => {
  throw new Error('inside')
}

test('a thread is back where it was, whatever happened there', () => {
  const before = where()
  using own = currentMountNamespace()
  assert.throws(() => inMountNamespace('new', inside), { message: 'inside' })
  assert.throws(() => inMountNamespace(own, inside), { message: 'inside' })
  assert.deepEqual(where(), before)
})
