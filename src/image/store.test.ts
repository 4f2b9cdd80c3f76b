// Finding, listing, naming and removing images, by Docker's rules and in its words.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Filters } from '../lib/filters.ts'
import { hexOf } from '../oci/digest.ts'
import { chainIds } from '../content/layers.ts'
import { globMatcher } from './glob.ts'
import { imageHistory, inspectImage } from './inspect.ts'
import { listImages } from './list.ts'
import { pruneImages, removeImage } from './remove.ts'
import { imageStore, loadAll } from './testing.ts'
import { tagImage } from './tag.ts'

const layer = (name: string) => [{ name, type: 'file', content: name } as const]

test('an image is found by name, id and unique prefix', async () => {
  await using host = await imageStore()
  const { store } = host
  const ids = await loadAll(
    store,
    ...Array.from({ length: 20 }, (_, index) => ({ names: [`n${index}:t`], config: { User: `${index}` } })),
  )
  const [id = 'sha256:'] = ids
  for (const name of ['n0:t', 'docker.io/library/n0:t', id, hexOf(id), hexOf(id).slice(0, 12), id.slice(0, 20)]) {
    assert.equal(store.resolve(name).id, id, name)
  }
  const ambiguous =
    ids.map(other => hexOf(other).charAt(0)).find((digit, index, all) => all.indexOf(digit) !== index) ?? ''
  assert.throws(() => store.resolve(ambiguous), { kind: 'notFound', message: `No such image: ${ambiguous}:latest` })
  assert.throws(() => store.resolve('n0'), { kind: 'notFound', message: 'No such image: n0:latest' })
  assert.throws(() => store.resolve('0'.repeat(64)), { message: `No such image: sha256:${'0'.repeat(64)}` })
  assert.throws(() => store.resolve('No'), { kind: 'invalid', message: /must be lowercase/ })
  assert.throws(() => store.resolve('a b'), { kind: 'invalid', message: 'invalid reference format' })
})

test('names are given and refused as Docker does', async () => {
  await using host = await imageStore()
  const { store } = host
  const [id = 'sha256:'] = await loadAll(store, { names: ['a:1'] })
  assert.equal(inspectImage(store, 'a:1').Metadata.LastTagTime, '0001-01-01T00:00:00Z')
  assert.equal(tagImage(store, 'a:1', 'b', ''), 'b:latest')
  assert.equal(tagImage(store, id, 'reg:5000/c', 'x'), 'reg:5000/c:x')
  assert.deepEqual(inspectImage(store, 'b').RepoTags, ['b:latest', 'a:1', 'reg:5000/c:x'].toSorted())
  assert.match(inspectImage(store, 'b').Metadata.LastTagTime ?? '', /^20/)
  const bad: [string, string, string][] = [
    ['B', '', 'invalid reference format: repository name (library/B) must be lowercase'],
    ['b', '-x', 'invalid tag format'],
    ['sha256', 'x', 'refusing to create an ambiguous tag using digest algorithm as name'],
    [`b@${id}`, '', 'cannot import digest reference'],
  ]
  for (const [repository, tag, message] of bad) {
    assert.throws(() => tagImage(store, 'a:1', repository, tag), { kind: 'invalid', message })
  }
  assert.throws(() => tagImage(store, 'missing', 'b', ''), { kind: 'notFound' })
})

test('images are listed with filters', async () => {
  await using host = await imageStore()
  const { store } = host
  await loadAll(
    store,
    { names: ['old:1', 'quay.io/x/old:2'], created: '2020-01-01T00:00:00Z', config: { Labels: { a: '1' } } },
    { names: ['new:1'], created: '2024-01-01T00:00:00Z', config: { Labels: { a: '2', b: '' } } },
    { created: '2022-01-01T00:00:00Z', config: { User: 'dangling' } },
  )
  const list = (filters: Record<string, string[]>) =>
    listImages(store, { filters: new Filters(Object.entries(filters)) }).map(({ RepoTags }) => RepoTags.join())
  assert.deepEqual(list({}), ['new:1', '', 'old:1,quay.io/x/old:2'])
  assert.deepEqual(list({ dangling: ['true'] }), [''])
  assert.deepEqual(list({ dangling: ['false'] }), ['new:1', 'old:1,quay.io/x/old:2'])
  assert.deepEqual(list({ label: ['a'] }), ['new:1', 'old:1,quay.io/x/old:2'])
  assert.deepEqual(list({ label: ['a=2', 'b'] }), ['new:1'])
  assert.deepEqual(list({ reference: ['old'] }), ['old:1'])
  assert.deepEqual(list({ reference: ['*:1'] }), ['new:1', 'old:1'])
  assert.deepEqual(list({ reference: ['quay.io/*/*'] }), ['quay.io/x/old:2'])
  assert.deepEqual(list({ before: ['new:1'] }), ['', 'old:1,quay.io/x/old:2'])
  assert.deepEqual(list({ since: ['old:1'] }), ['new:1', ''])
  assert.deepEqual(list({ until: ['2021-01-01'] }), ['old:1,quay.io/x/old:2'])
  assert.throws(() => list({ nonsense: ['x'] }), { kind: 'invalid', message: "invalid filter 'nonsense'" })
  assert.throws(() => list({ before: ['missing'] }), { kind: 'notFound' })
  assert.throws(() => list({ reference: ['[a'] }), { kind: 'invalid', message: 'syntax error in pattern' })
  const [first] = listImages(store, { filters: new Filters(), sharedSize: true })
  assert.deepEqual([first?.SharedSize, first?.Size, first?.Containers, first?.Created], [1, 1, -1, 1_704_067_200])
})

test('shell patterns stop at a slash', () => {
  const cases: [string, string, boolean][] = [
    ['a*', 'abc', true],
    ['a*', 'a/b', false],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    [String.raw`a\*`, 'a*', true],
    [String.raw`a\*`, 'ab', false],
    ['a.c', 'abc', false],
    ['[c-a]', 'b', false],
  ]
  for (const [pattern, name, expected] of cases) assert.equal(globMatcher(pattern)(name), expected, pattern)
  for (const pattern of ['[', 'a\\', '[]', '[a-]'])
    assert.throws(() => globMatcher(pattern), { kind: 'invalid' }, pattern)
  assert.equal(globMatcher(`${'*a'.repeat(400)}b`)('a'.repeat(2000)), false, 'in linear time')
})

test('inspect and history tell how an image is made', async () => {
  await using host = await imageStore()
  const { store } = host
  const [id = 'sha256:'] = await loadAll(store, { names: ['a:1'], layers: [layer('first'), layer('second!')] })
  const image = inspectImage(store, 'a:1')
  const [bottom, top] = chainIds(store.resolve(id).config.rootfs.diff_ids)
  assert.deepEqual(image.GraphDriver, {
    Name: 'overlay2',
    Data: {
      LowerDir: store.layers.path(bottom ?? id),
      MergedDir: store.layers.path(top ?? id).replace(/fs$/, 'merged'),
      UpperDir: store.layers.path(top ?? id),
      WorkDir: store.layers.path(top ?? id).replace(/fs$/, 'work'),
    },
  })
  assert.deepEqual([image.Created, image.Os, image.Size], ['2024-01-02T03:04:05.6Z', 'linux', 12])
  const step = { Comment: '', Created: 1_704_067_200 }
  assert.deepEqual(imageHistory(store, 'a:1'), [
    { ...step, CreatedBy: 'step 1', Id: id, Size: 7, Tags: ['a:1'] },
    { ...step, CreatedBy: 'step 0', Id: '<missing>', Size: 5, Tags: null },
  ])
})

test('removing an image by its only name deletes it', async () => {
  await using host = await imageStore()
  const { store } = host
  const [id = 'sha256:', other = 'sha256:'] = await loadAll(
    store,
    { names: ['a:1'], layers: [layer('shared'), layer('own')] },
    { names: ['b:1'], layers: [layer('shared')] },
  )
  const top = store.resolve(id).topLayer
  assert.deepEqual(removeImage(store, 'a:1'), [{ Untagged: 'a:1' }, { Deleted: id }, { Deleted: top }])
  assert.deepEqual(host.events.slice(-2), [`untag ${id}`, `delete ${id}`])
  assert.throws(() => store.resolve('a:1'), { kind: 'notFound' })
  const bottom = store.resolve(other).topLayer
  assert.deepEqual(removeImage(store, hexOf(other).slice(0, 10)), [
    { Untagged: 'b:1' },
    { Deleted: other },
    { Deleted: bottom },
  ])
  assert.deepEqual(await host.left(), [])
  assert.throws(() => removeImage(store, 'b:1'), { kind: 'notFound', message: 'No such image: b:1' })
})

test('an image with several names only loses the one', async () => {
  await using host = await imageStore()
  const { store } = host
  const [id = 'sha256:'] = await loadAll(store, { names: ['a:1', 'b:1'] })
  assert.throws(() => removeImage(store, id), {
    kind: 'conflict',
    message: `conflict: unable to delete ${hexOf(id).slice(0, 12)} (must be forced) - image is referenced in multiple repositories`,
  })
  assert.deepEqual(removeImage(store, 'a:1'), [{ Untagged: 'a:1' }])
  tagImage(store, id, 'c', '')
  const forced = removeImage(store, id, { force: true })
  assert.deepEqual(forced.slice(0, 3), [{ Untagged: 'b:1' }, { Untagged: 'c:latest' }, { Deleted: id }])
})

test('containers keep their image', async () => {
  await using host = await imageStore()
  const { store, containers } = host
  const [id = 'sha256:'] = await loadAll(store, { names: ['a:1'] })
  const short = hexOf(id).slice(0, 12)
  const container = { id: 'c'.repeat(64), image: id, running: false }
  containers.push(container)
  assert.throws(() => removeImage(store, 'a:1'), {
    kind: 'conflict',
    message: `conflict: unable to remove repository reference "a:1" (must force) - container cccccccccccc is using its referenced image ${short}`,
  })
  assert.throws(() => removeImage(store, id), {
    message: `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container cccccccccccc`,
  })
  containers[0] = { ...container, running: true }
  assert.throws(() => removeImage(store, id, { force: true }), {
    message: `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container cccccccccccc`,
  })
  assert.deepEqual(store.resolve('a:1').id, id, 'nothing was untagged')
  assert.deepEqual(removeImage(store, 'a:1', { force: true }), [{ Untagged: 'a:1' }], 'the container keeps the rest')
  containers.length = 0
  assert.equal(removeImage(store, id).at(0)?.Deleted, id)
})

test('prune removes what has no name, or what no container uses', async () => {
  await using host = await imageStore()
  const { store, containers } = host
  const [named = 'sha256:', dangling = 'sha256:', used = 'sha256:'] = await loadAll(
    store,
    { names: ['a:1'], layers: [layer('named')] },
    { layers: [layer('dangling')] },
    { names: ['used:1'], layers: [layer('used')] },
  )
  containers.push({ id: 'c'.repeat(64), image: used, running: false })
  // Its own layer, and the blobs of that and of its config.
  const freed = 8 + store.rows.blobs(dangling).reduce((sum, { size }) => sum + size, 0)
  const pruned = pruneImages(store, new Filters())
  assert.deepEqual([pruned.ImagesDeleted?.[0], pruned.SpaceReclaimed], [{ Deleted: dangling }, freed])
  assert.deepEqual(pruneImages(store, new Filters()), { ImagesDeleted: null, SpaceReclaimed: 0 })
  const all = pruneImages(store, new Filters([['dangling', ['false']]]))
  assert.deepEqual(all.ImagesDeleted?.slice(0, 2), [{ Untagged: 'a:1' }, { Deleted: named }])
  assert.equal(store.resolve('used:1').id, used)
})

test('recovery keeps what images need, and says which have lost a layer', async () => {
  await using host = await imageStore()
  const { store } = host
  const [id = 'sha256:'] = await loadAll(store, { names: ['a:1'] }, { names: ['b:1'], layers: [layer('b')] })
  const before = await host.left()
  assert.deepEqual(await store.recover(), [])
  assert.deepEqual(await host.left(), before)
  const { rmSync } = await import('node:fs')
  rmSync(store.layers.path(store.resolve(id).topLayer ?? id), { recursive: true })
  assert.deepEqual(await store.recover(), [id])
})
