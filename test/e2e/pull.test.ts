// Pulling images by the stock CLI from real registries.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { busyboxImage } from '../kit/images.ts'
import { startGantryd } from '../kit/gantryd.ts'
import { TestRegistry } from '../kit/registry.ts'

test('pull', async suite => {
  await using engine = await startGantryd()
  await using registry = await TestRegistry.start(engine.namespace)
  const { archive } = await busyboxImage()
  await registry.copy(`docker-archive:${archive}`, 'registry:library/busybox:1')
  const name = `${registry.host}/library/busybox:1`

  await suite.test('an image is there and runs', async () => {
    const text = await engine.ok(['pull', name])
    assert.match(text, /^1: Pulling from library\/busybox\n/)
    assert.match(text, /Pull complete/)
    assert.match(text, new RegExp(`Status: Downloaded newer image for ${name}`))
    assert.equal(await engine.ok(['run', '--rm', name, 'echo', 'hello']), 'hello')
    const [digest] = JSON.parse(await engine.ok(['image', 'inspect', '-f', '{{json .RepoDigests}}', name])) as string[]
    assert.ok(text.includes(`Digest: ${digest?.split('@')[1]}`))
  })

  await suite.test('what is here is not fetched again', async () => {
    const text = await engine.ok(['pull', name])
    assert.doesNotMatch(text, /Pulling fs layer/)
    assert.match(text, new RegExp(`Status: Image is up to date for ${name}`))
  })
})
