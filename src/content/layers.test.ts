// Layers and blobs in a data root: unpacked in parallel, shared, durable, and gone without a trace when they fail.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Digest, digestOf, hexOf } from '../oci/digest.ts'
import { Database } from '../state/database.ts'
import { Blobs } from './blobs.ts'
import { type ChainId, Layers, type LayerSource, chainIds } from './layers.ts'
import type { UnpackLimits } from './limits.ts'
import { WorkerPool } from './pool.ts'
import { type TestEntry, archive, temporaryDirectory } from './testing.ts'

async function engine(limits?: UnpackLimits) {
  const stack = new AsyncDisposableStack()
  const directory = stack.use(temporaryDirectory())
  const pool = stack.use(new WorkerPool({ size: 2 }))
  const database = stack.use(Database.open(':memory:'))
  const layers = new Layers({ root: directory.path, database, pool, limits })
  const blobs = new Blobs(directory.path)
  await layers.prepare()
  await blobs.prepare()
  const source = (name: string, entries: readonly TestEntry[], compress = (tar: Buffer) => tar): LayerSource => {
    const tar = archive(entries)
    writeFileSync(directory.join(name), compress(tar))
    return { archive: directory.join(name), diffId: digestOf(tar) }
  }
  const found = () => readdirSync(directory.join('layers')).toSorted()
  return { directory, database, layers, blobs, pool, source, found, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const file = (name: string, content = name): TestEntry => ({ name, type: 'file', content })
const directory = (name: string, rest: Partial<TestEntry> = {}): TestEntry => ({
  name,
  type: 'directory',
  mode: 0o755,
  ...rest,
})

test('a stack of layers is unpacked, each into its own directory', async () => {
  await using host = await engine()
  const { layers, source } = host
  const sources = [
    source('base', [
      directory('./', { mode: 0o711 }),
      directory('tmp', { mode: 0o1777, uid: 7, mtime: 5n }),
      file('a'),
    ]),
    source('middle', [file('b')], tar => gzipSync(tar)),
    source('top', [file('tmp/c')], tar => gzipSync(tar)),
  ]
  using hold = layers.hold()
  const unpacked: number[] = []
  const top = (await layers.unpack(sources, hold, { onUnpacked: index => unpacked.push(index) })) as ChainId
  const chain = chainIds(sources.map(({ diffId }) => diffId))
  assert.equal(top, chain[2])
  assert.deepEqual(layers.chain(top), chain.toReversed())
  assert.deepEqual(unpacked.toSorted(), [0, 1, 2])
  assert.equal(readFileSync(`${layers.path(top)}/tmp/c`, 'utf8'), 'tmp/c')
  assert.deepEqual(host.found(), chain.map(hexOf).toSorted())
  const implied = lstatSync(`${layers.path(top)}/tmp`)
  assert.deepEqual([implied.mode & 0o7777, implied.uid, implied.mtimeMs], [0o1777, 7, 0.000005], 'as in the base')
  for (const chainId of chain) assert.equal(lstatSync(layers.path(chainId)).mode & 0o7777, 0o711)
  assert.equal(layers.chainSize(top), 'a'.length + 'b'.length + 'tmp/c'.length)
})

test('the digest of an archive is a layer’s diffID only if the archive is not compressed', async () => {
  await using host = await engine()
  const { layers, source } = host
  using hold = layers.hold()
  const plain = source('plain', [file('a')])
  const packed = source('packed', [file('b')], tar => gzipSync(tar))
  const own = digestOf(readFileSync(packed.archive as string))
  const other = digestOf('other')
  for (const [bad, got] of [
    [{ ...packed, digest: own, diffId: own }, packed.diffId],
    [{ ...plain, digest: plain.diffId, diffId: other }, plain.diffId],
  ] as const) {
    await assert.rejects(layers.unpack([bad], hold), {
      kind: 'invalid',
      message: `invalid diffID for layer 0: expected "${bad.diffId}", got "${got}"`,
    })
  }
  assert.deepEqual(host.found(), [])
  for (const good of [
    { ...packed, digest: own },
    { ...plain, digest: plain.diffId },
  ])
    assert.equal(await layers.unpack([good], hold), good.diffId)
})

test('a layer that is known is not unpacked again, also when two ask at once', async () => {
  await using host = await engine()
  const { layers, source } = host
  const base = source('base', [file('a')])
  let count = 0
  const unpack = async (extra: LayerSource) => {
    using hold = layers.hold()
    return await layers.unpack([base, extra], hold, { onUnpacked: () => count++ })
  }
  const [one, two] = [source('one', [file('1')]), source('two', [file('2')])]
  await Promise.all([unpack(one), unpack(two), unpack(one)])
  assert.equal(count, 3)
  await unpack(two)
  assert.equal(count, 3)
})

test('a layer that is not what it should be fails and leaves nothing', async () => {
  await using host = await engine()
  const { layers, source } = host
  const good = source('good', [file('a')])
  const wrong = { ...source('wrong', [file('b')]), diffId: digestOf('other') }
  const above = source('above', [file('c')])
  using hold = layers.hold()
  // If both came at once, the good one might be given up for the other.
  await layers.unpack([good], hold)
  await assert.rejects(layers.unpack([good, wrong, above], hold), {
    kind: 'invalid',
    message: /^invalid diffID for layer 1: expected "sha256:.*", got "sha256:.*"$/,
  })
  assert.deepEqual(host.found(), [hexOf(good.diffId)])
  hold[Symbol.dispose]()
  layers.collect([])
  await layers.settled()
  assert.equal(layers.has(good.diffId), false)
  assert.ok(!existsSync(layers.path(good.diffId)))
})

test('an operation is not harmed by another that is cancelled', async () => {
  await using host = await engine()
  const { layers } = host
  const shared = host.source(
    'shared',
    Array.from({ length: 3000 }, (_, index) => file(`f${index}`)),
  )
  const controller = new AbortController()
  using hold = layers.hold()
  const cancelled = layers.unpack([shared], hold, { signal: controller.signal })
  const other = layers.unpack([shared], hold)
  controller.abort()
  await assert.rejects(cancelled)
  assert.equal(await other, shared.diffId)
  assert.deepEqual(host.found(), [hexOf(shared.diffId)])
})

test('limits stop a bomb, and nothing is left of it', async () => {
  const expansion = { free: 1 << 16, ratio: 100 }
  await using host = await engine({ maxEntries: 100, maxSize: 1 << 20, maxPathLength: 200, expansion })
  const { layers, source } = host
  const cases: [TestEntry[], RegExp][] = [
    [
      Array.from({ length: 101 }, (_, index) => file(`f${index}`)),
      /more than 100 entries: .* raise image-layer-max-entries in daemon.json$/,
    ],
    [
      [file('big', randomBytes(1 << 20).toString('hex'))],
      /more than 1048576 bytes: .* raise image-layer-max-size in daemon.json$/,
    ],
    [[file('a/'.repeat(100) + 'b')], /longer than 200 bytes/],
    [
      [file('zeros', '\0'.repeat(1 << 19))],
      /more than 100 times its size: .* raise image-layer-max-ratio in daemon.json$/,
    ],
  ]
  for (const [entries, message] of cases) {
    using hold = layers.hold()
    const bomb = source('bomb', entries, tar => gzipSync(tar))
    await assert.rejects(layers.unpack([bomb], hold), { kind: 'invalid', message })
    assert.deepEqual(host.found(), [])
  }
  const [entries] = cases[0] as (typeof cases)[number]
  layers.limits = { ...layers.limits, maxEntries: 101 }
  using hold = layers.hold()
  await layers.unpack([source('allowed', entries)], hold)
})

test('what is held or a root stays, the rest is collected', async () => {
  await using host = await engine()
  const { layers, source } = host
  const [base, left, right] = [source('base', [file('a')]), source('left', [file('l')]), source('right', [file('r')])]
  using leftHold = layers.hold()
  const leftTop = (await layers.unpack([base, left], leftHold)) as ChainId
  let rightTop: ChainId
  {
    using hold = layers.hold()
    rightTop = (await layers.unpack([base, right], hold)) as ChainId
    layers.collect([])
    assert.ok(layers.has(rightTop))
  }
  layers.collect([rightTop])
  assert.ok(layers.has(rightTop))
  assert.deepEqual(layers.collect([]), [rightTop])
  assert.deepEqual([layers.has(rightTop), layers.has(leftTop), layers.has(base.diffId)], [false, true, true])
})

test('recovery removes what no row mentions, names what is missing, and changes nothing the second time', async () => {
  await using host = await engine()
  const { layers, blobs, source } = host
  using hold = layers.hold()
  const kept = (await layers.unpack([source('kept', [file('a')])], hold)) as ChainId
  mkdirSync(host.directory.join('layers', 'tmp-1', 'fs'), { recursive: true })
  mkdirSync(host.directory.join('layers', '0'.repeat(64), 'fs'), { recursive: true })
  using blobHold = blobs.hold()
  const { digest } = await blobs.put(pieces('kept'), blobHold)
  await blobs.put(pieces('stray'), blobHold)
  writeFileSync(host.directory.join('tmp', 'leftover'), '')
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await layers.recover(), [])
    await blobs.recover(candidate => candidate === digest)
    assert.deepEqual(host.found(), [hexOf(kept)])
    assert.deepEqual(readdirSync(host.directory.join('blobs', 'sha256')), [hexOf(digest)])
    assert.deepEqual(readdirSync(host.directory.join('tmp')), [])
  }
})

async function* pieces(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text)
}

test('a blob is there when it is what was expected, and not otherwise', async () => {
  await using host = await engine()
  const { blobs } = host
  using hold = blobs.hold()
  const stored = await blobs.put(pieces('a', 'bc'), hold)
  assert.deepEqual(stored, { digest: digestOf('abc'), size: 3 })
  assert.equal((await blobs.read(stored.digest, 3)).toString(), 'abc')
  const bad: [{ digest?: Digest; size?: number }, RegExp][] = [
    [{ digest: digestOf('other') }, /verification failed/],
    [{ size: 2 }, /more than 2 bytes/],
    [{ size: 4 }, /only 3 bytes/],
  ]
  for (const [expected, message] of bad) {
    await assert.rejects(blobs.put(pieces('xyz'), hold, expected), { kind: 'invalid', message })
  }
  assert.deepEqual(readdirSync(host.directory.join('tmp')), [])
  await assert.rejects(blobs.read(stored.digest, 2), { kind: 'invalid' })
  assert.equal(
    blobs.collect([stored.digest], () => false),
    0,
    'held',
  )
  hold[Symbol.dispose]()
  assert.equal(
    blobs.collect([stored.digest], () => true),
    0,
    'referenced',
  )
  assert.equal(
    blobs.collect([stored.digest], () => false),
    3,
  )
  assert.equal(blobs.has(stored.digest), false)
})
