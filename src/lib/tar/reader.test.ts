// The tar reader against the engine's own writer, GNU tar in all its formats, and archives that lie.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { kindOf } from '../errors.ts'
import { archive, readArchive, temporaryDirectory } from '../../content/testing.ts'
import { parsePax } from './pax.ts'
import { type NewEntry, formatHeader } from './writer.ts'

const byteString = (maxLength: number) =>
  fc.uint8Array({ minLength: 1, maxLength }).map(bytes => Buffer.from(bytes.map(byte => byte || 1)).toString('latin1'))

const file = fc.record({
  type: fc.constant('file' as const),
  name: byteString(300),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffff_fffe }),
  gid: fc.integer({ min: 0, max: 0xffff_fffe }),
  mtime: fc.bigInt({ min: -(10n ** 18n), max: 10n ** 21n }),
  xattrs: fc
    .array(fc.tuple(fc.constantFrom('user.a', 'security.capability'), fc.uint8Array({ minLength: 1 })))
    .map(list => new Map(list.map(([key, value]) => [key, Buffer.from(value)]))),
  content: fc.uint8Array({ maxLength: 2000 }).map(bytes => Buffer.from(bytes)),
})

const link = fc.record({
  type: fc.constantFrom('symlink' as const, 'hardlink' as const),
  name: byteString(200),
  linkName: byteString(200),
})

const device = fc.record({
  type: fc.constantFrom('character' as const, 'block' as const),
  name: byteString(20),
  major: fc.integer({ min: 0, max: 0xfff }),
  minor: fc.integer({ min: 0, max: 0xfffff }),
})

test('what is written reads back the same, however it arrives', () => {
  const entries = fc.array(fc.oneof(file, link, device), { maxLength: 6 })
  fc.assert(
    fc.property(entries, fc.integer({ min: 1, max: 3000 }), (list, chunkSize) => {
      const found = readArchive(archive(list), chunkSize)
      assert.equal(found.length, list.length)
      for (const [index, entry] of list.entries()) {
        for (const [key, value] of Object.entries(entry)) {
          assert.deepEqual(found[index]?.[key as keyof (typeof found)[0]], value, key)
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('any damage is an error of the archive and never another one', () => {
  const whole = archive([
    { name: 'a', type: 'file', content: 'x'.repeat(700) },
    { name: 'ü'.repeat(200), type: 'file', uid: 2 ** 31, content: 'y' },
  ])
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 })
  fc.assert(
    fc.property(damage, fc.nat(whole.length), (changes, length) => {
      const bytes = Buffer.from(whole)
      for (const [offset, byte] of changes) bytes[offset] = byte
      try {
        readArchive(bytes.subarray(0, length))
      } catch (error) {
        assert.equal(kindOf(error), 'invalid', String(error))
      }
    }),
    { numRuns: 500 },
  )
})

test('an archive cut anywhere inside an entry is truncated', () => {
  const bytes = archive([{ name: 'a', type: 'file', content: 'x'.repeat(2000) }], { end: false })
  for (let length = 512; length <= 2048; length += 512) {
    assert.throws(() => readArchive(bytes.subarray(0, length)), { kind: 'invalid', message: /unexpected EOF/ })
  }
  assert.throws(() => readArchive(bytes.subarray(0, 100)), { message: /unexpected EOF/ })
  assert.equal(readArchive(bytes).length, 1)
  assert.equal(readArchive(bytes.subarray(0, 512 + 2000)).length, 1, 'the last padding may be missing')
})

/** A header block with `patch` written at `offset` and the checksum put right. */
function patched(entry: NewEntry, offset: number, patch: string | Buffer): Buffer {
  const block = formatHeader(entry)
  Buffer.from(patch as string).copy(block, offset)
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(sum.toString(8).padStart(6, '0'), 148)
  return block
}

test('impossible headers are refused', () => {
  const base: NewEntry = { name: 'a', type: 'file' }
  const negative = Buffer.alloc(12, 0xff)
  const absurd = Buffer.from([0x80, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(512, 0x41), /checksum|bad number/],
    [patched(base, 124, negative), /negative size/],
    [patched(base, 124, absurd), /too large/],
    [patched(base, 124, '9999999999 '), /bad number in size/],
    [patched(base, 108, Buffer.alloc(8, 0xff)), /owner -1/],
    [patched(base, 156, 'V'), /unhandled tar header type 86/],
    [Buffer.concat([Buffer.alloc(512), formatHeader(base)]), /zero block inside/],
    [patched({ ...base, size: 2 << 20 }, 156, 'x'), /extended header of 2097152 bytes/],
    [patched({ ...base, size: 2 << 20 }, 156, 'L'), /extended header of 2097152 bytes/],
    [patched({ ...base, size: 512 }, 156, 'S'), /not in GNU format/],
  ]
  for (const [bytes, message] of cases) assert.throws(() => readArchive(bytes), { kind: 'invalid', message })
})

test('bad PAX records are refused', () => {
  const bad = [
    '5 a=b\n',
    '6 a=b\n6',
    '99 a=b\n',
    '6 a=bc',
    'x a=b\n',
    '4 =\n',
    '11 path=a\0\n',
    '-6 a=b\n',
    '0 a=b\n',
    '6 ab=\n7',
  ]
  for (const text of bad) assert.throws(() => parsePax(Buffer.from(text)), { kind: 'invalid' }, text)
  assert.equal(parsePax(Buffer.from('6 a=b\n')).length, 1)
})

test('every format of GNU tar reads the same', { timeout: 20_000 }, () => {
  using directory = temporaryDirectory()
  const long = 'n'.repeat(120)
  mkdirSync(directory.join('t', long), { recursive: true })
  writeFileSync(directory.join('t', long, 'file'), 'content')
  writeFileSync(directory.join('t', 'ä'), '')
  execFileSync('ln', ['-s', 'x'.repeat(150), directory.join('t', 'link')])
  execFileSync('ln', [directory.join('t', 'ä'), directory.join('t', 'hard')])
  execFileSync('mkfifo', [directory.join('t', 'fifo')])
  execFileSync('mknod', [directory.join('t', 'zero'), 'c', '1', '5'])
  execFileSync('chown', ['12345:54321', directory.join('t', long, 'file')])
  const read = (format: string) => {
    const tar = execFileSync('tar', ['-c', `--format=${format}`, '--sort=name', '-C', directory.path, 't'])
    return readArchive(tar, 777).map(entry => ({ ...entry, mtime: entry.mtime / 1_000_000_000n }))
  }
  const gnu = read('gnu')
  assert.equal(gnu.length, 8)
  assert.deepEqual(read('posix'), gnu)
  assert.equal(gnu.find(({ name }) => name.endsWith('/file'))?.uid, 12345)
  assert.equal(gnu.find(({ type }) => type === 'symlink')?.linkName.length, 150)
  // The older formats can't hold the long names, and V7 no devices.
  execFileSync('rm', ['-r', directory.join('t', long), directory.join('t', 'link')])
  assert.deepEqual(read('ustar'), read('gnu'))
  assert.deepEqual(read('oldgnu'), read('gnu'))
  execFileSync('rm', [directory.join('t', 'fifo'), directory.join('t', 'zero')])
  assert.deepEqual(read('v7'), read('gnu'))
})

test('every sparse format reads as the file it was', { timeout: 20_000 }, () => {
  using directory = temporaryDirectory()
  const path = directory.join('sparse')
  writeFileSync(path, '')
  truncateSync(path, 12 << 20)
  for (let index = 0; index < 40; index++) {
    execFileSync('dd', [
      'if=/dev/urandom',
      `of=${path}`,
      'bs=4096',
      'count=1',
      `seek=${index * 70 + 3}`,
      'conv=notrunc',
      'status=none',
    ])
  }
  const original = readFileSync(path)
  assert.ok(statSync(path).blocks * 512 < original.length / 2, 'the file system keeps holes')
  const formats = ['--format=gnu', '--sparse-version=0.0', '--sparse-version=0.1', '--sparse-version=1.0']
  for (const format of formats) {
    const options = format.startsWith('--format') ? [format] : ['--format=posix', format]
    const tar = execFileSync('tar', ['-c', '--sparse', ...options, '-C', directory.path, 'sparse'], {
      maxBuffer: 1 << 26,
    })
    assert.ok(tar.length < original.length / 2, `${format} stores it sparsely`)
    for (const chunkSize of [1000, 65_536]) {
      const [entry] = readArchive(tar, chunkSize)
      assert.equal(entry?.name, 'sparse', format)
      assert.ok(entry.content.equals(original), format)
    }
  }
})

/** An archive of ten bytes whose PAX 0.1 sparse map is `map`. */
function sparse(map: string): Buffer {
  const records = [
    ['GNU.sparse.major', '0'],
    ['GNU.sparse.minor', '1'],
    ['GNU.sparse.map', map],
    ['GNU.sparse.size', '100'],
  ]
  const pax = Buffer.from(records.map(([key, value]) => `${`${key}=${value}`.length + 4} ${key}=${value}\n`).join(''))
  const header = patched({ name: 'x', type: 'file', size: pax.length }, 156, 'x')
  const body = Buffer.concat([pax, Buffer.alloc(512 - (pax.length % 512))])
  return Buffer.concat([header, body, archive([{ name: 's', type: 'file', content: 'x'.repeat(10) }])])
}

test('a sparse map that lies is refused', () => {
  assert.equal(readArchive(sparse('50,10'))[0]?.content.indexOf('x'), 50)
  for (const map of ['95,10', '50,5,40,5', '50,20', '50', '-5,10', '1,2,x,4', '0,99999999999999999999']) {
    assert.throws(() => readArchive(sparse(map)), { kind: 'invalid' }, map)
  }
})

test('a symbolic link to a directory keeps its own name', () => {
  using directory = temporaryDirectory()
  symlinkSync('target', directory.join('link'))
  const [entry] = readArchive(execFileSync('tar', ['-c', '-C', directory.path, 'link']))
  assert.deepEqual([entry?.type, entry?.name, entry?.linkName], ['symlink', 'link', 'target'])
})
