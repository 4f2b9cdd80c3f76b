// Rules of retention: which tags go, which manifests, and what is only told.

import assert from 'node:assert/strict'
import { globSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DiskStorage } from './disk-storage.ts'
import { Repositories } from './repositories.ts'
import { type RetentionRule, applyRetention } from './retention.ts'
import { type TestRegistry, pushImage, startRegistry } from './testing.ts'

const day = 86_400_000
const rule = (more: Partial<RetentionRule>): RetentionRule => ({
  repository: '**',
  tags: ['**'],
  keep: undefined,
  olderThan: undefined,
  untagged: undefined,
  ...more,
})

/** Pushes an image of its own for each tag, the first the oldest, a day apart; the last is of today. */
async function pushTags(registry: TestRegistry, name: string, ...tags: string[]): Promise<void> {
  for (const [index, tag] of tags.entries()) {
    await pushImage(registry, name, tag, { annotations: { tag } })
    const time = (Date.now() - (tags.length - 1 - index) * day) / 1000
    utimesSync(join(registry.root, 'repositories', name, '_tags', tag), time, time)
  }
}

const apply = (registry: TestRegistry, rules: RetentionRule[], options = {}) =>
  applyRetention(new Repositories(new DiskStorage(registry.root)), rules, options)

async function tagsOf(registry: TestRegistry, name: string): Promise<string[]> {
  const { tags } = (await (await registry.request('GET', `${name}/tags/list`)).json()) as { tags: string[] }
  return tags
}

test('the newest stay, others go', async () => {
  await using registry = await startRegistry()
  await pushTags(registry, 'ci/app', 'one', 'two', 'three', 'four')
  await pushTags(registry, 'other', 'one', 'two')
  const rules = [rule({ repository: 'ci/*', keep: 2 })]
  assert.deepEqual((await apply(registry, rules, { dryRun: true })).toSorted(), ['ci/app:one', 'ci/app:two'])
  assert.equal((await tagsOf(registry, 'ci/app')).length, 4, 'it was only told')
  assert.deepEqual((await apply(registry, rules)).toSorted(), ['ci/app:one', 'ci/app:two'])
  assert.deepEqual(await tagsOf(registry, 'ci/app'), ['four', 'three'])
  assert.deepEqual(await tagsOf(registry, 'other'), ['one', 'two'])
})

test('only tags of a pattern and of an age go; the first rule that fits counts', async () => {
  await using registry = await startRegistry()
  await pushTags(registry, 'app', 'pr-1', 'v1', 'pr-2', 'pr-3')
  const rules = [rule({ repository: 'app', tags: ['pr-*'], olderThan: 1.5 * day }), rule({ keep: 0 })]
  assert.deepEqual(await apply(registry, rules), ['app:pr-1'])
  assert.deepEqual(await apply(registry, [rule({ keep: 1, olderThan: 0.5 * day, tags: ['pr-*'] })]), ['app:pr-2'])
  assert.deepEqual(await tagsOf(registry, 'app'), ['pr-3', 'v1'])
})

test('manifests go that no tag leads to, by an index or by what they are about', async () => {
  await using registry = await startRegistry()
  const child = await pushImage(registry, 'app', 'child', { annotations: { a: 'child' } })
  const indexType = 'application/vnd.oci.image.index.v1+json'
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: indexType,
    manifests: [
      { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: child.digest, size: child.body.length },
    ],
  })
  await registry.request('PUT', 'app/manifests/index', { body: index, headers: { 'content-type': indexType } })
  const descriptor = (digest: string, size: number) => ({ mediaType: indexType, digest, size })
  const signature = await pushImage(registry, 'app', 'signature', {
    subject: descriptor(child.digest, child.body.length),
  })
  const loose = await pushImage(registry, 'app', 'loose', { annotations: { a: 'loose' } })
  for (const tag of ['child', 'signature', 'loose']) await registry.request('DELETE', `app/manifests/${tag}`)
  const rules = [rule({ untagged: day })]
  assert.deepEqual(await apply(registry, rules), [], 'it is too young')
  const later = { now: Date.now() + 2 * day }
  assert.deepEqual(await apply(registry, rules, { ...later, dryRun: true }), [`app@${loose.digest}`])
  assert.deepEqual(await apply(registry, rules, later), [`app@${loose.digest}`])
  assert.equal((await registry.request('GET', `app/manifests/${signature.digest}`)).status, 200)
  await registry.request('DELETE', 'app/manifests/index')
  assert.equal((await apply(registry, rules, later)).length, 3)
  assert.equal((await registry.request('GET', `app/manifests/${child.digest}`)).status, 404)
})

test('a tag that was given anew meanwhile stays', async () => {
  await using registry = await startRegistry()
  await pushTags(registry, 'app', 'old', 'new')
  const repository = new Repositories(new DiskStorage(registry.root)).open('app')
  const [old] = (await repository.tagTimes()).filter(({ tag }) => tag === 'old')
  await pushImage(registry, 'app', 'old')
  assert.equal(await repository.removeOldTag('old', old?.modified ?? 0), false)
  assert.deepEqual(await tagsOf(registry, 'app'), ['new', 'old'])
})

/** A directory in which `meanwhile` happens once, when an object with this key is about to be asked for the second time. */
class BusyStorage extends DiskStorage {
  #asked = 0

  readonly #key: string
  readonly #meanwhile: () => Promise<void>

  constructor(root: string, key: string, meanwhile: () => Promise<void>) {
    super(root)
    this.#key = key
    this.#meanwhile = meanwhile
  }

  override async modified(key: string): Promise<number | undefined> {
    if (key === this.#key && ++this.#asked === 2) await this.#meanwhile()
    return await super.modified(key)
  }
}

test('what a tag leads to that was given anew meanwhile stays', async () => {
  await using registry = await startRegistry()
  const child = await pushImage(registry, 'app', 'child')
  const type = 'application/vnd.oci.image.index.v1+json'
  const manifests = [{ mediaType: type, digest: child.digest, size: child.body.length }]
  const body = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests })
  const put = () => registry.request('PUT', 'app/manifests/multi', { body, headers: { 'content-type': type } })
  await put()
  await registry.request('DELETE', 'app/manifests/child')
  const old = Date.now() / 1000 - 3600
  for (const file of globSync('repositories/app/{_tags/*,_manifests/*/*}', { cwd: registry.root }))
    utimesSync(join(registry.root, file), old, old)
  const storage = new BusyStorage(registry.root, 'repositories/app/_tags/multi', async () => void (await put()))
  const rules = [rule({ olderThan: 60_000, untagged: 60_000 })]
  assert.deepEqual(await applyRetention(new Repositories(storage), rules), [])
  assert.equal((await registry.request('GET', `app/manifests/${child.digest}`)).status, 200)
})
