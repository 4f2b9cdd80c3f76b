// Images that are removed because all of them take too much, and those that are not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Filters } from '../lib/filters.ts'
import { hostPlatform } from '../oci/platform.ts'
import { contentSize, totalSize } from './disk-usage.ts'
import { pruneImages } from './remove.ts'
import { enforceLimits } from './retention.ts'
import { imageStore, indexLayout, load, loadAll } from './testing.ts'

const layer = (name: string) => [{ name, type: 'file' as const, content: name.repeat(10_000) }]
const image = (name: string) => ({ names: [`${name}:1`], layers: [layer('base'), layer(name)] })
const day = 24n * 3600n * 1_000_000_000n

async function three() {
  const place = await imageStore()
  const { store } = place
  const ids = await loadAll(store, ...['old', 'older', 'new'].map(image))
  const now = store.clock.now()
  for (const [index, days] of [2n, 3n, 0n].entries()) store.rows.setUsedAt(ids[index] as never, now - days * day)
  const names = () => store.rows.all().flatMap(({ references }) => references.map(name => name.split('/').at(-1)))
  return { ...place, ids, names: () => names().toSorted() }
}

test('what was not used for longest goes, until there is room', async () => {
  await using here = await three()
  const { store, names } = here
  const whole = totalSize(store)
  assert.equal(enforceLimits(store, { maxSize: whole, minAge: 0 }), 0)
  assert.equal(enforceLimits(store, { maxSize: 0, minAge: 0 }), 0)
  assert.equal(enforceLimits(store, { maxSize: whole - 1, minAge: 3_600_000 }), 1)
  assert.deepEqual(names(), ['new:1', 'old:1'])
  assert.equal(enforceLimits(store, { maxSize: 1, minAge: 3_600_000 }), 1)
  assert.deepEqual(names(), ['new:1'])
  assert.equal(enforceLimits(store, { maxSize: 1, minAge: 0 }), 1)
  assert.equal(totalSize(store), 0)
})

test('what a container has stays, with all that goes with its names', async () => {
  await using here = await three()
  const { store, names, containers, ids, left } = here
  containers.push({ id: 'c1', image: ids[1] as never, running: false })
  enforceLimits(store, { maxSize: 1, minAge: 0 })
  assert.deepEqual(names(), ['older:1'])
  containers.pop()
  const layout = indexLayout('docker.io/library/many:1', ['s390x', hostPlatform.architecture])
  await load(store, layout.bytes())
  containers.push({ id: 'c2', image: layout.ids[0] as never, running: false })
  enforceLimits(store, { maxSize: 1, minAge: 0 })
  assert.deepEqual(names(), ['many:1'])
  containers.pop()
  assert.equal(enforceLimits(store, { maxSize: 1, minAge: 0 }), 1)
  assert.deepEqual(await left(), [])
})

test('sizes count what images share once, and blobs as well as layers', async () => {
  await using here = await three()
  const { store, ids, left } = here
  const alone = ids.map(id => contentSize(store, [id]))
  const together = contentSize(store, ids)
  assert.ok(together < alone.reduce((sum, size) => sum + size, 0))
  assert.equal(totalSize(store), together)
  {
    await using partial = await store.blobs.partial.resume(`sha256:${'0'.repeat(64)}`, 100)
    await partial.write(Buffer.alloc(40))
  }
  assert.equal(totalSize(store), together + 40)
  const { SpaceReclaimed } = pruneImages(store, Filters.parse('{"dangling":["false"]}'))
  assert.equal(SpaceReclaimed, together + 40)
  assert.deepEqual(await left(), [])
})
