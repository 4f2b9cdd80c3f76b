// Archives from an engine that can't be trusted, and those that `pack` makes, put into directories of this machine.

import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  linkSync,
  truncateSync,
} from 'node:fs'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { type TestEntry, archive, temporaryDirectory } from '../../content/testing.ts'
import { pack } from './pack.ts'
import { unpack } from './unpack.ts'

const same = (name: string) => name
const put = (entries: readonly TestEntry[], directory: string) =>
  unpack(Readable.from([archive(entries)]), directory, same)

const file = (name: string): TestEntry => ({ name, type: 'file', content: 'x' })
const link = (name: string, linkName: string): TestEntry => ({ name, type: 'symlink', linkName })

test('what was packed is unpacked as it was', async () => {
  using place = temporaryDirectory()
  mkdirSync(place.join('from/sub'), { recursive: true })
  writeFileSync(place.join('from/f'), 'content', { mode: 0o640 })
  linkSync(place.join('from/f'), place.join('from/h'))
  symlinkSync('../f', place.join('from/sub/l'))
  truncateSync(place.join('from/f'), 200_000)
  utimesSync(place.join('from/f'), 1000, 1000)
  utimesSync(place.join('from/sub'), 2000, 2000)
  mkdirSync(place.join('to'))
  await unpack(Readable.from(pack(place.join('from'), 'top')), place.join('to'), name => name.replace('top', 'new'))
  const copied = statSync(place.join('to/new/f'))
  assert.deepEqual([copied.mode & 0o777, copied.mtimeMs, copied.size, copied.nlink], [0o640, 1_000_000, 200_000, 2])
  assert.equal(statSync(place.join('to/new/sub')).mtimeMs, 2_000_000)
  assert.equal(readlinkSync(place.join('to/new/sub/l')), '../f')
})

test('nothing is put outside of the directory', async () => {
  using place = temporaryDirectory()
  mkdirSync(place.join('to'))
  const bad: TestEntry[][] = [
    [file('../escaped')],
    [link('l', '..'), file('l/escaped')],
    [link('l', place.path), { name: 'l/d', type: 'directory' }],
    [{ name: 'h', type: 'hardlink', linkName: '../secret' }],
    [link('s', place.path), { name: 'h', type: 'hardlink', linkName: 's' }, file('h/escaped')],
  ]
  writeFileSync(place.join('secret'), 'secret')
  for (const entries of bad) {
    await assert.rejects(put(entries, place.join('to')), { kind: 'invalid' })
    assert.ok(!existsSync(place.join('escaped')) && !existsSync(place.join('d')))
  }
  await put([link('l', '../secret'), file('l')], place.join('to'))
  assert.ok(lstatSync(place.join('to/l')).isFile())
  assert.equal(readFileSync(place.join('secret'), 'utf8'), 'secret')
})

test('directories stay directories, and everything else is replaced', async () => {
  using place = temporaryDirectory()
  mkdirSync(place.join('d'))
  writeFileSync(place.join('f'), 'before')
  await assert.rejects(put([{ name: 'd', type: 'file' }], place.path), {
    message: /cannot overwrite directory ".*d" with/,
  })
  await assert.rejects(put([{ name: 'f', type: 'directory' }], place.path), {
    message: /cannot overwrite non-directory/,
  })
  await put(
    [
      { name: 'f', type: 'file', content: 'after' },
      { name: 'p', type: 'fifo', mode: 0o600 },
    ],
    place.path,
  )
  assert.equal(readFileSync(place.join('f'), 'utf8'), 'after')
  assert.ok(lstatSync(place.join('p')).isFIFO())
})
