// Pulling images by the stock CLI from real registries.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { digestOf } from '../../src/oci/digest.ts'
import { mediaTypes } from '../../src/oci/manifest.ts'
import { busyboxImage } from '../kit/images.ts'
import { startGantryd } from '../kit/gantryd.ts'
import { TestRegistry } from '../kit/registry.ts'
import { call } from './api.ts'

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

  await suite.test('what was attested about it since then comes with the next pull', async () => {
    const repository = `http://${registry.host}/v2/library/busybox`
    const send = async (path: string, body: string, ...flags: string[]) => {
      const result = await engine.run([
        'curl',
        '-sS',
        '--fail',
        ...flags,
        '--data-binary',
        body,
        `${repository}/${path}`,
      ])
      assert.equal(result.code, 0, result.stderr)
    }
    const blob = async (mediaType: string, text: string) => {
      const digest = digestOf(text)
      await send(`blobs/uploads/?digest=${digest}`, text, '--request', 'POST')
      return { mediaType, digest, size: text.length }
    }
    const subject = await registry.manifest('library/busybox:1')
    const mediaType = mediaTypes.ociManifest
    const statement = await blob('application/vnd.in-toto+json', '{"predicate":{}}')
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType,
      artifactType: statement.mediaType,
      config: await blob('application/vnd.oci.empty.v1+json', '{}'),
      layers: [{ ...statement, annotations: { 'in-toto.io/predicate-type': 'https://example.org/predicate' } }],
      subject: { mediaType, digest: digestOf(subject), size: subject.length },
    })
    const headers = ['--request', 'PUT', '--header', `Content-Type: ${mediaType}`]
    await send(`manifests/${digestOf(manifest)}`, manifest, ...headers)
    await engine.ok(['pull', name])
    const { body } = await call(engine, 'GET', `/images/${name}/attestations?statement=1`, undefined, 'v1.55')
    assert.deepEqual(
      (body as { PredicateType: string; Statement: object }[]).map(item => [item.PredicateType, item.Statement]),
      [['https://example.org/predicate', { predicate: {} }]],
    )
  })
})
