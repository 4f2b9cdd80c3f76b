// Images for several platforms under one name, by the stock CLI.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { ImageInspect, ImageSummary } from '../../src/api/types/image.ts'
import { indexLayout } from '../../src/image/testing.ts'
import { hostPlatform } from '../../src/oci/platform.ts'
import type { Engine } from '../kit/engine.ts'
import { ask } from './api.ts'
import { startGantrydWithBusybox } from './engine.ts'

const host = hostPlatform.architecture

/** The image that a container created with `flags` is made of. */
async function imageOf(engine: Engine, ...flags: string[]): Promise<string> {
  const container = (await engine.ok(['create', ...flags, 'many:1'])).trim()
  const image = (await engine.ok(['inspect', '--format', '{{.Image}}', container])).trim()
  await engine.ok(['rm', container])
  return image
}

test('an image for several platforms', async suite => {
  await using engine = await startGantrydWithBusybox()
  const layout = indexLayout('docker.io/library/many:1', ['s390x', host], {
    'https://slsa.dev/provenance/v1': { a: 1 },
  })
  const [s390x, own] = layout.ids
  const file = join(engine.directory, 'many.tar')
  writeFileSync(file, layout.bytes())
  assert.match(await engine.ok(['load', '-i', file]), /Loaded image: many:1/)

  await suite.test('is one image in the list, with its platforms as a tree', async () => {
    assert.equal((await engine.ok(['images', '-q', '--no-trunc', 'many'])).trim(), own)
    const tree = await engine.ok(['image', 'ls', '--tree', 'many'])
    assert.match(tree, /linux\/s390x/)
    assert.match(tree, new RegExp(`linux/${host}`))
  })

  await suite.test('is inspected and traced by platform', async () => {
    const id = ['image', 'inspect', '--format', '{{.Id}}', 'many:1']
    assert.equal((await engine.ok([...id, '--platform', 'linux/s390x'])).trim(), s390x)
    assert.equal((await engine.ok(id)).trim(), own)
    assert.match(await engine.ok(['history', '--platform', 'linux/s390x', 'many:1']), /step for s390x/)
    const { stderr } = await engine.docker([...id, '--platform', 'linux/arm'])
    assert.match(
      stderr,
      /image with reference many:1 was found but does not provide the specified platform \(linux\/arm\)/,
    )
  })

  await suite.test('gives a container the image for its platform', async () => {
    assert.equal(await imageOf(engine, '--platform', 'linux/s390x'), s390x)
    assert.equal(await imageOf(engine, '--platform', `linux/${host}`), own)
    assert.equal(await imageOf(engine), own)
  })

  await suite.test('says when it was last used', async () => {
    const lastUsed = async () =>
      Date.parse((await ask<ImageInspect>(engine, 'GET', '/images/many:1/json')).Metadata.LastUsedTime ?? '')
    const before = await lastUsed()
    const container = (await engine.ok(['create', 'many:1'])).trim()
    assert.ok((await lastUsed()) > before)
    await engine.ok(['rm', container])
  })

  await suite.test('answers what is attested, and since which version', async () => {
    const platform = encodeURIComponent(JSON.stringify({ os: 'linux', architecture: 's390x' }))
    const path = `/images/many:1/attestations?platform=${platform}&statement=1`
    const found = await ask<object[]>(engine, 'GET', path, undefined, 'v1.55')
    assert.deepEqual(found, [
      {
        Descriptor: (found[0] as { Descriptor: object }).Descriptor,
        PredicateType: 'https://slsa.dev/provenance/v1',
        Statement: { a: 1 },
      },
    ])
    const listed = `/images/json?manifests=1&filters=${encodeURIComponent('{"reference":["many"]}')}`
    const list = async (version: string) => (await ask<ImageSummary[]>(engine, 'GET', listed, undefined, version))[0]
    assert.equal((await list('v1.48'))?.Descriptor?.digest, layout.index)
    assert.equal((await list('v1.47'))?.Manifests?.length, 3)
    assert.deepEqual(Object.keys((await list('v1.43')) ?? {}).includes('VirtualSize'), true)
    assert.equal((await list('v1.46'))?.Manifests, undefined)
  })

  await suite.test('is saved by platform, and removed by platform', async () => {
    const one = join(engine.directory, 'one.tar')
    await engine.ok(['save', '--platform', 'linux/s390x', '-o', one, 'many:1'])
    await engine.ok(['rmi', '--platform', 'linux/s390x', 'many:1'])
    assert.notEqual((await engine.docker(['image', 'inspect', '--platform', 'linux/s390x', 'many:1'])).code, 0)
    await engine.ok(['rmi', 'many:1'])
    await engine.ok(['load', '-i', one])
    assert.equal((await engine.ok(['images', '-q', '--no-trunc', 'many'])).trim(), s390x)
  })
})
