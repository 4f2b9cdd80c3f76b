// Equal files of layers on a file system with reflinks: they share blocks, and nothing else.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { silentLog } from '../lib/log.ts'
import { digestOf } from '../oci/digest.ts'
import { Database } from '../state/database.ts'
import { fileList } from './equal-files.ts'
import { type ChainId, Layers } from './layers.ts'
import { WorkerPool } from './pool.ts'
import { type TestEntry, archive, temporaryDirectory } from './testing.ts'

const run = (...argv: string[]): string => execFileSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8' })

/** Layers on a new file system of 400 MB, xfs or one that has no reflinks. */
async function store(t: TestContext, kind: 'xfs' | 'ext4' = 'xfs') {
  const stack = new AsyncDisposableStack()
  t.after(() => stack.disposeAsync())
  const directory = stack.use(temporaryDirectory())
  const [image, place] = [directory.join('image'), directory.join('mounted')]
  run('truncate', '--size=400M', image)
  run(`mkfs.${kind}`, '-q', image)
  mkdirSync(place)
  run('mount', '-o', 'loop', image, place)
  stack.defer(() => void run('umount', place))
  const database = stack.use(Database.open(':memory:'))
  const open = async () => {
    const pool = new WorkerPool({ size: 2 })
    const own = new WorkerPool({ size: 1 })
    const layers = new Layers({ root: place, database, pool, sharing: { pool: own, log: silentLog } })
    await layers.prepare()
    stack.use(pool)
    stack.use(own)
    return layers
  }
  const layers = await open()
  let count = 0
  return {
    layers,
    /** As after a restart. */
    open,
    names: () => readdirSync(join(place, 'layers')).toSorted(),
    /** Unpacks layers, the first one below the others; returns where their files are. */
    async unpack(...contents: readonly (readonly TestEntry[])[]): Promise<string[]> {
      using hold = layers.hold()
      const sources = contents.map(entries => {
        const tar = archive(entries)
        const path = directory.join(`archive-${count++}`)
        writeFileSync(path, tar)
        return { archive: path, diffId: digestOf(tar) }
      })
      const top = await layers.unpack(sources, hold)
      return layers
        .chain(top as ChainId)
        .map(chainId => layers.path(chainId))
        .toReversed()
    },
  }
}

const file = (name: string, content: Buffer, more: Partial<TestEntry> = {}): TestEntry => ({
  name,
  type: 'file',
  content,
  ...more,
})

/** True if other files have the blocks of the file as well. */
const isShared = (path: string): boolean => /\bshared\b/.test(run('filefrag', '-v', path))

test('equal files of layers share their blocks, each with an owner, a mode and a link count of its own', async t => {
  const { layers, unpack } = await store(t)
  const content = randomBytes(100_001)
  const only = file('only', randomBytes(100_000))
  const [below = '', above = ''] = await unpack(
    [file('a', content, { uid: 1 }), only],
    [file('b', content, { mode: 0o4755, mtime: 5n })],
  )
  const [other = ''] = await unpack([
    file('c', content),
    file('again', content),
    file('small', content.subarray(0, 100)),
  ])
  await layers.shared()
  const paths = [join(below, 'a'), join(above, 'b'), join(other, 'c'), join(other, 'again')]
  for (const path of paths) {
    assert.ok(isShared(path), path)
    assert.ok(readFileSync(path).equals(content), path)
    assert.equal(statSync(path).nlink, 1)
  }
  assert.equal(new Set(paths.map(path => statSync(path).ino)).size, paths.length)
  assert.deepEqual([statSync(paths[0] as string).uid, statSync(paths[1] as string).uid], [1, 0])
  assert.equal(statSync(paths[1] as string).mode & 0o7777, 0o4755)
  assert.equal(statSync(paths[1] as string).mtimeMs, 0.000005)
  assert.equal(isShared(join(below, 'only')), false)
  assert.equal(isShared(join(other, 'small')), false)
})

test('files that only begin and end alike stay as they are', async t => {
  const { layers, unpack } = await store(t)
  const contents = Array.from({ length: 12 }, (_, index) =>
    Buffer.concat([Buffer.alloc(8192), Buffer.from([index]), Buffer.alloc(90_000)]),
  )
  const [first = ''] = await unpack(contents.map((content, index) => file(`f${index}`, content)))
  const [second = ''] = await unpack(contents.slice(3).map((content, index) => file(`g${index}`, content)))
  await layers.shared()
  for (const [index, content] of contents.entries()) assert.ok(readFileSync(join(first, `f${index}`)).equals(content))
  for (const [index, content] of contents.slice(3).entries()) {
    assert.ok(readFileSync(join(second, `g${index}`)).equals(content))
  }
})

test('a layer that was not looked at is after the next start, and one that is removed leaves nothing', async t => {
  const { layers, unpack, open, names } = await store(t)
  const content = randomBytes(100_000)
  const [one = ''] = await unpack([file('a', content)])
  await layers.shared()
  const [two = ''] = await unpack([file('b', content)])
  await layers.shared()
  assert.ok(isShared(join(two, 'b')))
  rmSync(join(two, 'b'))
  writeFileSync(join(two, 'b'), content)
  rmSync(join(two, '..', fileList))
  assert.equal(isShared(join(one, 'a')), false)
  const next = await open()
  await next.recover()
  await next.shared()
  assert.ok(isShared(join(one, 'a')) && isShared(join(two, 'b')))
  await unpack([
    file('c', content),
    ...Array.from({ length: 500 }, (_, index) => file(`f${index}`, randomBytes(20_000))),
  ])
  // It is being looked at.
  layers.collect([`sha256:${names().find(name => one.includes(name))}`])
  await layers.settled()
  await layers.shared()
  assert.deepEqual(
    names(),
    names().filter(name => one.includes(name)),
  )
  assert.ok(readFileSync(join(one, 'a')).equals(content))
})

test('where files can share no blocks nothing is done', async t => {
  const { layers, unpack } = await store(t, 'ext4')
  const content = randomBytes(100_000)
  const [one = ''] = await unpack([file('a', content), file('b', content)])
  await layers.shared()
  assert.equal(existsSync(join(one, '..', fileList)), false)
  assert.equal(isShared(join(one, 'a')), false)
})
