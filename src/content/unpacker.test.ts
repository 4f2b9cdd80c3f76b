// Unpacking: the same tree as GNU tar makes, whiteouts as overlayfs wants them, and nothing outside whatever an archive says.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { openPath } from '../kernel/descriptor.ts'
import { major, mknodAt } from '../kernel/files.ts'
import { getXattrAt, listXattrsAt, setXattrAt } from '../kernel/xattr.ts'
import { kindOf } from '../lib/errors.ts'
import { type UnpackLimits, defaultLimits } from './limits.ts'
import { TarReader } from '../lib/tar/reader.ts'
import { type TestEntry, archive, temporaryDirectory } from './testing.ts'
import { type Unpacked, Unpacker } from './unpacker.ts'

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY

/** Unpacks `tar` into the existing directory `path`, calling `between` after each piece. */
function unpack(tar: Buffer, path: string, limits: UnpackLimits = defaultLimits, between = () => {}): Unpacked {
  using root = openPath(path, directoryFlags)
  using unpacker = new Unpacker(root, limits)
  const reader = new TarReader()
  for (let offset = 0; offset < tar.length; offset += 512) {
    for (const event of reader.push(tar.subarray(offset, offset + 512))) unpacker.handle(event)
    between()
  }
  for (const event of reader.finish()) unpacker.handle(event)
  return unpacker.finish()
}

/** A directory `layer` beside a `canary` that must stay as it is. */
function host() {
  const directory = temporaryDirectory()
  mkdirSync(directory.join('layer'))
  mkdirSync(directory.join('canary'))
  writeFileSync(directory.join('canary', 'file'), 'alive')
  const layer = (...names: string[]) => directory.join('layer', ...names)
  return {
    layer,
    directory,
    unpack: (entries: readonly TestEntry[]) => unpack(archive(entries), layer()),
    checkCanary() {
      assert.deepEqual(readdirSync(directory.path).toSorted(), ['canary', 'layer'])
      assert.deepEqual(readdirSync(directory.join('canary')), ['file'])
      const { nlink, mode, uid } = lstatSync(directory.join('canary', 'file'))
      assert.deepEqual([nlink, mode & 0o7777, uid], [1, 0o644, 0])
      assert.equal(readFileSync(directory.join('canary', 'file'), 'utf8'), 'alive')
    },
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  }
}

const file = (name: string, content = name): TestEntry => ({ name, type: 'file', content })
const link = (name: string, linkName: string): TestEntry => ({ name, type: 'symlink', linkName })
const hard = (name: string, linkName: string): TestEntry => ({ name, type: 'hardlink', linkName })
const directory = (name: string, mode = 0o755): TestEntry => ({ name, type: 'directory', mode })

/** Every name below `path` with all that an archive can say of it. */
function treeOf(path: string): string[] {
  const names = execFileSync('find', [path, '-mindepth', '0', '-printf', '%P\\0'], { encoding: 'latin1' }).split('\0')
  return names
    .slice(0, -1)
    .toSorted()
    .map(name => describe(path, name))
}

function describe(path: string, name: string): string {
  const full = Buffer.from(`${path}/${name}`, 'latin1')
  const stat = lstatSync(full, { bigint: true })
  using parent = openPath(path, directoryFlags)
  const attributes = name.includes('/') || name === '' ? [] : listXattrsAt(parent, Buffer.from(name, 'latin1'))
  const values = attributes
    .toSorted()
    .map(attribute => [attribute, getXattrAt(parent, Buffer.from(name, 'latin1'), attribute)?.toString('hex')])
  const content = stat.isFile() ? readFileSync(full).toString('hex') : stat.isSymbolicLink() ? readlinkSync(full) : ''
  const links = stat.isDirectory() ? 0n : stat.nlink
  return [
    name,
    stat.mode.toString(8),
    stat.uid,
    stat.gid,
    stat.size * BigInt(stat.isFile()),
    stat.mtimeNs,
    stat.rdev,
    links,
    values,
    content,
  ].join(' ')
}

test('the tree is what GNU tar makes of the archive', () => {
  using source = temporaryDirectory()
  const at = (name: string) => source.join(name)
  mkdirSync(at('dir/sub'), { recursive: true })
  for (const name of ['plain', 'dir/inner', 'dir/sub/deep', 'capable', 'setuid'])
    writeFileSync(at(name), name.repeat(300))
  writeFileSync(Buffer.concat([Buffer.from(at('latin-')), Buffer.from([0xe9])]), 'x')
  linkSync(at('plain'), at('dir/hard'))
  symlinkSync('../plain', at('dir/link'))
  symlinkSync('nowhere', at('dangling'))
  execFileSync('mkfifo', [at('fifo')])
  execFileSync(
    'sh',
    [
      '-c',
      'mknod c c 1 5; mknod b b 7 300; chown -h 70000:70001 dir/link plain dir; chmod 6755 setuid; chmod 3770 dir',
    ],
    { cwd: source.path },
  )
  execFileSync('setcap', ['cap_net_raw+ep', at('capable')])
  writeFileSync(at('sparse'), '')
  truncateSync(at('sparse'), 1 << 20)
  execFileSync('dd', [
    'if=/dev/urandom',
    `of=${at('sparse')}`,
    'bs=4k',
    'seek=100',
    'count=3',
    'conv=notrunc',
    'status=none',
  ])
  {
    using parent = openPath(source.path, directoryFlags)
    setXattrAt(parent, 'plain', 'user.note', Buffer.from([0, 1, 255]))
  }
  for (const name of ['plain', 'dir/sub', 'dir']) utimesSync(at(name), 1, 1_234_567_890.123456)
  for (const options of [
    ['--format=posix', '--xattrs', '--xattrs-include=*'],
    ['--format=gnu'],
    ['--format=posix', '--xattrs', '--xattrs-include=*', '--sparse'],
    ['--format=gnu', '--sparse'],
  ]) {
    using target = host()
    using expected = temporaryDirectory()
    const tar = execFileSync('tar', ['-c', ...options, '--numeric-owner', '-C', source.path, '.'], {
      maxBuffer: 1 << 27,
    })
    unpack(tar, target.layer())
    const extract = [
      '-x',
      '-p',
      '--same-owner',
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '-C',
      expected.path,
    ]
    execFileSync('tar', extract, { input: tar })
    assert.deepEqual(treeOf(target.layer()), treeOf(expected.path), options.join(' '))
    assert.ok(lstatSync(target.layer('sparse')).blocks < 200 || !options.includes('--sparse'), 'holes stay holes')
  }
})

test('times before the epoch and beyond 2262 become the epoch, fractions stay', () => {
  using target = host()
  target.unpack([
    { ...file('old'), mtime: -5_000_000_000n },
    { ...file('far'), mtime: 2n ** 63n },
    { ...file('exact'), mtime: 1_700_000_000_123_456_789n },
    { ...link('link', 'x'), mtime: 1_700_000_000_000_000_001n },
  ])
  const times = ['old', 'far', 'exact', 'link'].map(name => lstatSync(target.layer(name), { bigint: true }).mtimeNs)
  assert.deepEqual(times, [0n, 0n, 1_700_000_000_123_456_789n, 1_700_000_000_000_000_001n])
})

test('whiteouts become devices, opaque directories an attribute', () => {
  using target = host()
  const { implied } = target.unpack([
    file('.wh.gone', ''),
    directory('dir'),
    file('dir/.wh..wh..opq', ''),
    file('dir/.wh.inner', ''),
    file('.wh..wh.plnk/meta', ''),
    file('.wh..wh.aufs', ''),
    file('.wh.replaced', ''),
    file('replaced/new', ''),
    directory('kept'),
    file('.wh.kept', ''),
    file('.wh.made', ''),
    directory('made', 0o700),
    file('.wh.refilled', ''),
    file('refilled', 'content'),
  ])
  assert.deepEqual(readdirSync(target.layer()).toSorted(), ['dir', 'gone', 'kept', 'made', 'refilled', 'replaced'])
  for (const name of ['gone', 'dir/inner']) {
    const { rdev } = lstatSync(target.layer(name))
    assert.deepEqual([lstatSync(target.layer(name)).isCharacterDevice(), rdev], [true, 0])
  }
  using root = openPath(target.layer(), directoryFlags)
  for (const name of ['dir', 'replaced', 'kept', 'made']) {
    assert.equal(getXattrAt(root, name, 'trusted.overlay.opaque')?.toString(), 'y', name)
  }
  assert.equal(readFileSync(target.layer('refilled'), 'utf8'), 'content')
  assert.deepEqual(implied, ['', 'replaced'])
  for (const name of ['.wh.', '.wh..', '.wh...']) {
    assert.throws(() => target.unpack([file(name)]), { kind: 'invalid', message: /not a valid whiteout/ })
  }
})

test('an image can not set the attributes of overlayfs', () => {
  using target = host()
  const value = Buffer.from('/etc')
  const xattrs = new Map([
    ['trusted.overlay.redirect', value],
    ['user.overlay.opaque', value],
    ['user.ok', value],
  ])
  target.unpack([
    { ...file('a'), xattrs },
    { ...directory('d'), xattrs },
    { ...link('l', 'x'), xattrs },
  ])
  using root = openPath(target.layer(), directoryFlags)
  assert.deepEqual(listXattrsAt(root, 'a'), ['user.ok'])
  assert.deepEqual(listXattrsAt(root, 'd'), ['user.ok'])
  assert.deepEqual(listXattrsAt(root, 'l'), [], 'a link can have none, and does without')
})

test('later entries win', () => {
  using target = host()
  target.unpack([
    file('a', 'first'),
    file('a', 'second'),
    directory('b'),
    file('b/x'),
    file('b', 'no longer a directory'),
    file('c'),
    directory('c'),
    file('c/y'),
    link('d', 'c'),
    directory('d'),
    file('d/z'),
    directory('e', 0o700),
    file('e/kept'),
    directory('e', 0o711),
  ])
  assert.equal(readFileSync(target.layer('a'), 'utf8'), 'second')
  assert.equal(readFileSync(target.layer('b'), 'utf8'), 'no longer a directory')
  assert.deepEqual(readdirSync(target.layer('c')), ['y'])
  assert.deepEqual(readdirSync(target.layer('d')), ['z'])
  assert.deepEqual([readdirSync(target.layer('e')), lstatSync(target.layer('e')).mode & 0o777], [['kept'], 0o711])
})

test('a path is walked anew once a link has taken the place of a directory', () => {
  using target = host()
  target.unpack([directory('other'), directory('d'), file('d/before'), link('d', 'other'), file('d/after')])
  assert.deepEqual(readdirSync(target.layer('other')), ['after'])
})

test('a new file does not inherit the group of a directory', () => {
  using target = host()
  target.unpack([{ ...directory('mail', 0o2775), gid: 8 }, file('mail/box'), directory('mail/sub')])
  assert.deepEqual(
    ['mail', 'mail/box', 'mail/sub'].map(name => lstatSync(target.layer(name)).gid),
    [8, 0, 0],
  )
  assert.equal(lstatSync(target.layer('mail/sub')).mode & 0o7777, 0o755)
})

test('the root takes its attributes from the archive and is a directory', () => {
  using target = host()
  const { implied } = target.unpack([{ ...directory('./', 0o710), uid: 5, mtime: 7_000_000_000n }, file('./a')])
  const { mode, uid, mtimeMs } = lstatSync(target.layer())
  assert.deepEqual([mode & 0o7777, uid, mtimeMs, implied], [0o710, 5, 7000, []])
  for (const entry of [file('.'), link('/', 'x'), hard('a/..', 'a')]) {
    assert.throws(() => target.unpack([entry]), { kind: 'invalid', message: /the root of the layer/ })
  }
})

test('no entry reaches outside, whatever links lie on its way', () => {
  const up = '../canary'
  const corpus: [TestEntry[], string?][] = [
    [[file('../canary/file', 'x')], 'outside'],
    [[file('a/../../canary/file', 'x')], 'outside'],
    [[link('l', up), file('l/file', 'x')]],
    [[link('l', '..'), file('l/canary/file', 'x')]],
    [[link('l', '/'), file('l/tmp/escaped', 'x')]],
    [[directory('d'), link('d/l', '../../canary'), file('d/l/file', 'x')]],
    [[link('a', 'b'), link('b', up), file('a/file', 'x')]],
    [[link('loop', 'loop'), file('loop/x')], 'too many levels'],
    [[link('file', `${up}/file`), file('file', 'x')]],
    [[link('file', `${up}/file`), hard('copy', 'file'), file('copy', 'x')]],
    [[hard('copy', `${up}/file`)], 'outside'],
    [[link('l', up), hard('copy', 'l/file')], 'no such file'],
    [[link('l', up), file('l/.wh.file', '')]],
    [[link('l', up), file('l/.wh..wh..opq', '')]],
    [[link('.wh.x', up)]],
    [[link('l', up), directory('l', 0o777)]],
    [[link('l', `${up}/file`), { ...hard('h', 'l'), mode: 0o777, uid: 5 }]],
    [[link('l', up), { ...directory('l/sub', 0o777), uid: 5 }]],
    [[link('l', '/proc/self/root'), file('l/tmp/escaped')]],
    [[file('/canary/file', 'inside')]],
    [[directory('d'), file('d/f'), link('d', up), file('d/file', 'x')]],
  ]
  for (const [entries, message] of corpus) {
    using target = host()
    const name = JSON.stringify(entries.map(entry => [entry.type, entry.name, entry.linkName]))
    try {
      target.unpack(entries)
      assert.equal(message, undefined, name)
    } catch (error) {
      assert.equal(kindOf(error), 'invalid', `${name} ${String(error)}`)
      if (message !== undefined) assert.match(String(error), new RegExp(message), name)
    }
    target.checkCanary()
    assert.ok(!existsSync('/tmp/escaped'))
  }
})

test('impossible entries are refused', () => {
  const cases: [TestEntry, RegExp][] = [
    [file('n'.repeat(256)), /file name too long/],
    [hard('a', 'missing'), /no such file/],
    [hard('a', '/'), /invalid hardlink/],
    [{ name: 'a', type: 'character', major: 5000, minor: 1 }, /out of range/],
    [{ name: 'a', type: 'block', major: 1, minor: 1 << 21 }, /out of range/],
    [link('a', ''), /no such file/],
    [link('a', 'x'.repeat(4096)), /longer than/],
  ]
  for (const [entry, message] of cases) {
    using target = host()
    assert.throws(() => target.unpack([directory('x'), entry]), { kind: 'invalid', message })
  }
})

test('a parent that is swapped while the layer is applied leads nowhere', () => {
  using target = host()
  const entries = [
    directory('d'),
    ...Array.from({ length: 200 }, (_, index) => file(`d/${index % 2 ? 's/' : ''}f${index}`, 'x'.repeat(600))),
  ]
  let round = 0
  const swap = () => {
    if (++round % 3 !== 0) return
    rmSync(target.layer('moved'), { recursive: true, force: true })
    if (existsSync(target.layer('d'))) renameSync(target.layer('d'), target.layer('moved'))
    rmSync(target.layer('d'), { force: true })
    symlinkSync('../canary', target.layer('d'))
  }
  try {
    unpack(archive(entries), target.layer(), defaultLimits, swap)
  } catch (error) {
    assert.equal(kindOf(error), 'invalid', String(error))
  }
  target.checkCanary()
})

test('any archive of hostile names leaves the canary alone', () => {
  const part = fc.constantFrom('..', '.', '', 'a', 'b', 'canary', '.wh.a', '.wh..wh..opq', 'file', '\xff', '.wh.canary')
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('/'))
  const type = fc.constantFrom('file', 'directory', 'symlink', 'hardlink', 'fifo', 'character' as const)
  const entry = fc.record({ type, name: path, linkName: path, mode: fc.constantFrom(0o755, 0o4711), uid: fc.nat(3) })
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 12 }), entries => {
      using target = host()
      try {
        target.unpack(entries.map(item => (item.type === 'file' ? { ...item, content: 'x' } : item)))
      } catch (error) {
        assert.equal(kindOf(error), 'invalid', String(error))
      }
      target.checkCanary()
    }),
    { numRuns: 300 },
  )
})

test('a full disk is said to be one', () => {
  using mount = temporaryDirectory()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', mount.path])
  try {
    const tar = archive([file('big', 'x'.repeat(200_000))])
    assert.throws(() => unpack(tar, mount.path), { kind: 'system', message: /^write "big": no space left on device$/ })
  } finally {
    execFileSync('umount', [mount.path])
  }
})

test('devices keep their numbers', () => {
  using target = host()
  target.unpack([{ name: 'dev', type: 'block', major: 259, minor: 70_000, mode: 0o660 }])
  using root = openPath(target.layer(), directoryFlags)
  mknodAt(root, 'other', constants.S_IFCHR, 0)
  const { rdev, mode } = lstatSync(target.layer('dev'))
  assert.deepEqual([major(rdev), mode & 0o777], [259, 0o660])
})
