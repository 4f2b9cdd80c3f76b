// Mounts on the real kernel: overlays of many layers, attributes, propagation, and nothing left behind.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openPath } from './descriptor.ts'
import {
  bindMount,
  attachMount,
  mountOverlay,
  mountTmpfs,
  openTree,
  setMountAttributes,
  setPropagation,
  unmount,
} from './mount.ts'
import { mountByOptionString, readonlyCloneByMount } from './overlay-options.ts'
import { removeTree } from './remove-tree.ts'
import { remountBind } from './remount.ts'
import { scratch } from './testing.ts'

const mountInfo = (path: string) =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' '))
    .filter(fields => fields[4] === path)

/** A private tmpfs of its own, unmounted with all that is mounted in it. */
function stage(): Disposable & { readonly path: string; dir(name: string): string } {
  const cleanup = new DisposableStack()
  const { path } = cleanup.use(scratch())
  using tmpfs = mountTmpfs({ size: '16m', mode: '0700' })
  attachMount(tmpfs, path)
  cleanup.defer(() => unmount(path, { detach: true }))
  setPropagation(path, 'private')
  const dir = (name: string) => {
    mkdirSync(join(path, name), { recursive: true })
    return join(path, name)
  }
  return { path, dir, [Symbol.dispose]: () => cleanup.dispose() }
}

function layers(place: { dir(name: string): string }, count: number, name = (index: number) => `l${index}`): string[] {
  return Array.from({ length: count }, (_, index) => {
    const path = place.dir(name(index))
    writeFileSync(join(path, `file${index}`), `${index}`)
    writeFileSync(join(path, 'shared'), `${index}`)
    return path
  })
}

const awkward = (index: number) => `a:b,c\\d\\:e\\,f ${index}`

const long = (index: number) => `${'x'.repeat(200)}/${'y'.repeat(200)}/${index}`

for (const [how, mount] of Object.entries({ mountOverlay, mountByOptionString })) {
  test(`${how}: the top layer wins, writes go to the upper directory, nothing is attached`, () => {
    using place = stage()
    const lower = layers(place, 3)
    const before = readFileSync('/proc/self/mountinfo', 'utf8')
    using overlay = mount({ lower, upper: place.dir('upper'), work: place.dir('work'), volatile: true, source: 'mine' })
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), before)
    assert.equal(readFileSync(join(overlay.path, 'shared'), 'utf8'), '0')
    writeFileSync(join(overlay.path, 'new'), 'x')
    assert.equal(readFileSync(join(place.path, 'upper/new'), 'utf8'), 'x')
    const root = place.dir('root')
    attachMount(overlay, root)
    const [info = []] = mountInfo(root)
    assert.ok(info.includes('mine'))
    assert.ok(info.at(-1)?.includes('volatile'))
    overlay.close()
    unmount(root)
    assert.deepEqual(mountInfo(root), [])
  })

  test(`${how}: names with colons, commas and backslashes`, () => {
    using place = stage()
    const lower = layers(place, 2, awkward)
    using overlay = mount({ lower, upper: place.dir('up:per,x\\'), work: place.dir('wo,rk:\\y') })
    assert.deepEqual(readdirSync(overlay.path).toSorted(), ['file0', 'file1', 'shared'])
    writeFileSync(join(overlay.path, 'new'), '')
    assert.deepEqual(readdirSync(join(place.path, 'up:per,x\\')), ['new'])
  })

  test(`${how}: paths too long for one value`, () => {
    using place = stage()
    using overlay = mount({ lower: layers(place, 30, long), upper: place.dir(long(-1)), work: place.dir(long(-2)) })
    assert.equal(readdirSync(overlay.path).length, 31)
  })
}

test('500 layers, the limit of overlayfs; one more is an error that says so', () => {
  using place = stage()
  const lower = layers(place, 501, index => `${index}-${'0'.repeat(64)}/fs`)
  const writable = { upper: place.dir('upper'), work: place.dir('work') }
  using overlay = mountOverlay({ lower: lower.slice(0, 500), ...writable })
  assert.equal(readdirSync(overlay.path).length, 501)
  assert.equal(readFileSync(join(overlay.path, 'shared'), 'utf8'), '0')
  assert.equal(readFileSync(join(overlay.path, 'file499'), 'utf8'), '499')
  assert.throws(() => mountOverlay({ lower, ...writable }), {
    syscall: 'fsconfig',
    message: /overlay lowerdir\+=.* \(.*too many lower directories, limit is 500.*\): invalid argument/,
  })
})

test('on old kernels some 200 layers, and a clear refusal of more', () => {
  using place = stage()
  const lower = layers(place, 260)
  using overlay = mountByOptionString({ lower: lower.slice(0, 190), upper: place.dir('u'), work: place.dir('w') })
  assert.equal(readdirSync(overlay.path).length, 191)
  assert.throws(() => mountByOptionString({ lower }), {
    kind: 'system',
    message: /^Cannot mount 260 layers: this kernel/,
  })
})

test('without an upper directory an overlay is read-only, of one layer too', () => {
  using place = stage()
  for (const count of [1, 2]) {
    using overlay = mountOverlay({ lower: layers(place, count) })
    assert.equal(readFileSync(join(overlay.path, 'file0'), 'utf8'), '0')
    assert.throws(() => writeFileSync(join(overlay.path, 'new'), ''), { code: 'EROFS' })
  }
  writeFileSync(join(place.path, 'l0/new'), '')
})

test('old kernels get their read-only copy of one layer too', () => {
  using place = stage()
  const [layer = ''] = layers(place, 1)
  const before = readFileSync('/proc/self/mountinfo', 'utf8')
  using copy = readonlyCloneByMount(layer)
  assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), before)
  assert.throws(() => writeFileSync(join(copy.path, 'new'), ''), { code: 'EROFS' })
})

test('a directory renamed in a container is no redirect, so that the upper layer stands on its own', () => {
  using place = stage()
  const [lower = ''] = layers(place, 1)
  mkdirSync(join(lower, 'directory'))
  using overlay = mountOverlay({ lower: [lower], upper: place.dir('upper'), work: place.dir('work') })
  const rename = () => renameSync(join(overlay.path, 'directory'), join(overlay.path, 'moved'))
  assert.throws(rename, { code: 'EXDEV' })
})

test('failures carry the explanation of the file system', () => {
  using place = stage()
  const [lower = ''] = layers(place, 1)
  const missing = { lower: [lower], upper: join(place.path, 'missing'), work: place.dir('work') }
  assert.throws(() => mountOverlay(missing), { code: 'ENOENT', subject: /upperdir=.*\/missing/ })
  assert.throws(() => mountOverlay({ lower: [], upper: place.dir('u'), work: place.dir('work') }), { code: 'EINVAL' })
  assert.throws(() => mountTmpfs({ sise: '1m' }), {
    code: 'EINVAL',
    message: /^fsconfig tmpfs sise=1m \(.*Unknown parameter 'sise'\): invalid argument$/,
  })
})

test('tmpfs takes options with and without values', () => {
  using tmpfs = mountTmpfs({ size: '64k', mode: '1777', noswap: '' })
  assert.throws(() => writeFileSync(join(tmpfs.path, 'big'), Buffer.alloc(100_000)), { code: 'ENOSPC' })
})

test('a bind mount follows its source, read-only if asked for, of the whole tree if asked for', () => {
  using place = stage()
  const [source = ''] = layers(place, 1)
  using inner = mountTmpfs({})
  attachMount(inner, place.dir('l0/inner'))
  writeFileSync(join(source, 'inner/x'), 'y')
  const plain = place.dir('plain')
  bindMount(source, plain)
  assert.deepEqual(readdirSync(join(plain, 'inner')), [])
  writeFileSync(join(plain, 'through'), '')
  const strict = place.dir('strict')
  bindMount(source, strict, { recursive: true, readonly: true })
  assert.equal(readFileSync(join(strict, 'inner/x'), 'utf8'), 'y')
  for (const name of ['x', 'inner/z']) assert.throws(() => writeFileSync(join(strict, name), ''), { code: 'EROFS' })
  writeFileSync(join(source, 'inner/z'), '')
})

test('a file can be bound over a file, by descriptor', () => {
  using place = stage()
  layers(place, 2)
  using source = openPath(join(place.path, 'l0/shared'))
  using target = openPath(join(place.path, 'l1/shared'))
  bindMount(source, target)
  assert.equal(readFileSync(join(place.path, 'l1/shared'), 'utf8'), '0')
})

test('remounting through mount(2) keeps the attributes there are', () => {
  using place = stage()
  const [source = ''] = layers(place, 1)
  using tree = openTree(source, { clone: true })
  setMountAttributes(tree, { nosuid: true, nodev: true })
  const target = place.dir('target')
  attachMount(tree, target)
  remountBind(target, { readonly: true, noexec: true })
  const options = mountInfo(target)[0]?.[5]?.split(',') ?? []
  for (const option of ['ro', 'nosuid', 'nodev', 'noexec']) assert.ok(options.includes(option), option)
  setMountAttributes(tree, { readonly: false, nosuid: false })
  const after = mountInfo(target)[0]?.[5]?.split(',') ?? []
  assert.deepEqual([after.includes('rw'), after.includes('nosuid'), after.includes('nodev')], [true, false, true])
})

test('propagation: a private mount keeps to itself, a shared one has peers', () => {
  using place = stage()
  const peers = () => mountInfo(place.path)[0]?.slice(6, -4).join(' ')
  assert.doesNotMatch(peers() ?? '', /shared|master/)
  setPropagation(place.path, 'shared')
  assert.match(peers() ?? '', /shared:\d+/)
  using tree = openTree(place.path)
  setMountAttributes(tree, { propagation: 'private', recursive: true })
  assert.doesNotMatch(peers() ?? '', /shared/)
})

test('failures name what was mounted where', () => {
  using place = stage()
  const missing = join(place.path, 'missing')
  assert.throws(() => openTree(missing), { message: `open_tree ${missing}: no such file or directory` })
  assert.throws(() => bindMount(place.path, missing), { message: `move_mount ${missing}: no such file or directory` })
  assert.throws(() => unmount(place.dir('l')), { message: `umount ${place.path}/l: invalid argument` })
  const text = `mount (make private) ${missing}: no such file or directory`
  assert.throws(() => setPropagation(missing, 'private'), { message: text })
})

test('removing a tree stops at what is mounted in it', () => {
  using place = stage()
  using mounted = mountTmpfs({})
  attachMount(mounted, place.dir('tree/mounted'))
  writeFileSync(join(place.path, 'tree/mounted/kept'), '')
  using dir = openPath(place.path)
  assert.throws(() => removeTree(dir, 'tree'), { code: 'EXDEV', message: /tree\/mounted: / })
  assert.deepEqual(readdirSync(join(place.path, 'tree/mounted')), ['kept'])
})
