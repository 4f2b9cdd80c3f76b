// The daemon is killed at random while it pulls, pushes, loads, removes and prunes images: what was there or acknowledged is
// there afterwards, every blob is what its name says, and nothing else is left.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'node:test'

import { archive, readArchive } from '../../src/content/testing.ts'
import { chainIds } from '../../src/content/layers.ts'
import { dockerArchive } from '../../src/image/testing.ts'
import { hexOf, parseDigest } from '../../src/oci/digest.ts'
import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { TestRegistry } from '../kit/registry.ts'

const rounds = 100
/** Milliseconds within which a kill comes: most operations take about as long. */
const longest = 500

const file = (name: string) => ({ name, type: 'file' as const, content: randomBytes(2_000_000) })
const shared = [[file('a'), file('b')], [file('c')]]
const images = ['one', 'two'].map(name => ({ names: [`${name}:1`], layers: [...shared, [file(name)], [file('last')]] }))

// A colon would be a tag to skopeo.
const archiveOf = (engine: Gantryd, name = '') => join(engine.directory, `${name.replace(':', '-')}.tar`)

/** Blobs that are not what their name says. */
function wrong(engine: Gantryd): string[] {
  const directory = join(engine.dataRoot, 'blobs/sha256')
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(directory, name)))
      .digest('hex')
  return readdirSync(directory).filter(name => digest(name) !== name)
}

const idsOf = async (engine: Gantryd) =>
  (await engine.ok(['images', '--all', '--quiet', '--no-trunc'])).split('\n').filter(Boolean)

/** Checks that the engine has the content of its images and nothing else. */
async function accounts(engine: Gantryd, what: string): Promise<void> {
  const ids = [...new Set(await idsOf(engine))]
  const path = join(engine.directory, 'saved.tar')
  await engine.ok(['save', '-o', path, ...ids])
  const saved = new Set(readArchive(readFileSync(path)).map(({ name }) => name.replace('blobs/sha256/', '')))
  const unknown = readdirSync(join(engine.dataRoot, 'blobs/sha256')).filter(name => !saved.has(name))
  assert.deepEqual(unknown, [], `${what}: blobs of no image`)
  const inspected = JSON.parse(await engine.ok(['image', 'inspect', ...ids])) as { RootFS: { Layers: string[] } }[]
  const chains = new Set(inspected.flatMap(({ RootFS }) => chainIds(RootFS.Layers.map(parseDigest)).map(hexOf)))
  assert.deepEqual(
    readdirSync(join(engine.dataRoot, 'layers')).toSorted(),
    [...chains].toSorted(),
    `${what}: layers of no image, or missing ones`,
  )
}

const isHere = async (engine: Gantryd, name: string) => (await engine.docker(['image', 'inspect', name])).code === 0

test(`killed at random, ${rounds} times, while images come and go`, { skip: onDockerd, timeout: 900_000 }, async () => {
  await using engine = await startGantrydWithBusybox()
  await using registry = await TestRegistry.start(engine.namespace)
  const { host } = registry
  for (const image of images) {
    const path = archiveOf(engine, image.names[0])
    writeFileSync(path, archive(dockerArchive([image])))
    await registry.copy(`docker-archive:${path}`, `registry:${image.names[0]}`)
  }
  for (let round = 0; round < rounds; round++) {
    const name = round % 2 === 0 ? 'one:1' : 'two:1'
    const [remote, pushed] = [`${host}/${name}`, `${host}/pushed/${round}:1`]
    const had = { local: await isHere(engine, name), remote: await isHere(engine, remote) }
    if (had.remote) await engine.ok(['tag', remote, pushed])
    const operations: Record<string, readonly string[]> = {
      pull: ['pull', remote],
      load: ['load', '-i', archiveOf(engine, name)],
      push: ['push', had.remote ? pushed : 'busybox'],
      rmi: ['rmi', name, remote],
      prune: ['image', 'prune', '--all', '--force'],
    }
    const kinds = ['pull', 'load', 'push', 'pull', 'rmi', 'load', 'pull', 'prune']
    const kind = kinds[Math.floor(Math.random() * kinds.length)] ?? 'pull'
    const working = engine.docker(operations[kind] ?? [])
    const delay = Math.random() * longest
    await pause(delay)
    await engine.kill9()
    const { code } = await working
    const what = `round ${round}, ${kind} ${name}, killed after ${Math.round(delay)} ms, exit status ${code}`
    assert.deepEqual(wrong(engine), [], what)
    await engine.start()
    const has = { local: await isHere(engine, name), remote: await isHere(engine, remote) }
    if (kind === 'pull') assert.ok(has.remote || (code !== 0 && !had.remote), what)
    if (kind === 'load') assert.ok(has.local || (code !== 0 && !had.local), what)
    if (kind === 'push') assert.deepEqual(has, had, what)
    if (kind === 'push' && had.remote && code === 0)
      assert.ok((await registry.manifest(`pushed/${round}:1`)) !== '', what)
    if (kind === 'rmi' && code === 0) assert.deepEqual(has, { local: false, remote: false }, what)
    // Nothing has containers, so that all of it goes.
    if (kind === 'prune' && code === 0) assert.deepEqual(has, { local: false, remote: false }, what)
    if (!(await isHere(engine, 'busybox'))) await engine.ok(['pull', '--quiet', `${host}/one:1`])
    await accounts(engine, what)
  }
  for (const id of new Set(await idsOf(engine))) await engine.docker(['rmi', '--force', id])
  await engine.ok(['image', 'prune', '--all', '--force'])
  for (const left of ['blobs/sha256', 'partial', 'tmp'])
    assert.deepEqual(readdirSync(join(engine.dataRoot, left)), [], left)
  assert.deepEqual(readdirSync(join(engine.dataRoot, 'layers')), [])
})
