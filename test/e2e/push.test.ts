// Pushing images by the stock CLI to real registries.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { archive } from '../../src/content/testing.ts'
import { dockerArchive, indexLayout } from '../../src/image/testing.ts'
import { hostPlatform } from '../../src/oci/platform.ts'
import { TestRegistry } from '../kit/registry.ts'
import { startGantrydWithBusybox } from './engine.ts'

test('push', async suite => {
  await using engine = await startGantrydWithBusybox()
  await using registry = await TestRegistry.start(engine.namespace)
  const name = `${registry.host}/a/busybox:1`

  await suite.test('an image is there, and can be pulled again', async () => {
    await engine.ok(['tag', 'busybox', name])
    const text = await engine.ok(['push', name])
    assert.match(text, new RegExp(`^The push refers to repository \\[${registry.host}/a/busybox\\]\n`))
    assert.match(text, /: Pushed\n/)
    const [, digest = ''] = /1: digest: (sha256:\S+) size: \d+/.exec(text) ?? []
    const id = await engine.ok(['image', 'inspect', '-f', '{{.Id}}', name])
    assert.deepEqual(JSON.parse(await engine.ok(['image', 'inspect', '-f', '{{json .RepoDigests}}', name])), [
      `${registry.host}/a/busybox@${digest}`,
    ])
    await engine.ok(['rmi', '-f', id])
    await engine.ok(['pull', `${registry.host}/a/busybox@${digest}`])
    assert.equal(await engine.ok(['run', '--rm', `${registry.host}/a/busybox@${digest}`, 'echo', 'hello']), 'hello')
    assert.match(await engine.ok(['pull', name]), /Downloaded newer image/)
  })

  await suite.test('what is there is not sent again, what is elsewhere is taken over', async () => {
    assert.match(await engine.ok(['push', name]), /: Layer already exists\n/)
    const other = `${registry.host}/b/busybox:2`
    await engine.ok(['tag', name, other])
    assert.match(await engine.ok(['push', other]), /: Mounted from a\/busybox\n/)
  })

  await suite.test('all tags of a repository', async () => {
    await engine.ok(['tag', name, `${registry.host}/a/busybox:2`])
    const text = await engine.ok(['push', '-a', `${registry.host}/a/busybox`])
    assert.match(text, /^1: digest: /m)
    assert.match(text, /^2: digest: /m)
  })

  await suite.test('an index is pushed with all its images and attestations, or one of them', async () => {
    const layout = indexLayout(`${registry.host}/many:1`, ['s390x', hostPlatform.architecture], {
      'https://slsa.dev/provenance/v1': { a: 1 },
    })
    writeFileSync(join(engine.directory, 'many.tar'), layout.bytes())
    await engine.ok(['load', '-i', join(engine.directory, 'many.tar')])
    const text = await engine.ok(['push', `${registry.host}/many:1`])
    assert.match(text, new RegExp(`1: digest: ${layout.index} size`))
    const index = JSON.parse(await registry.manifest('many:1')) as { manifests: { digest: string }[] }
    assert.equal(index.manifests.length, 3)
    await engine.ok(['tag', `${registry.host}/many:1`, `${registry.host}/one:1`])
    await engine.ok(['push', '--platform', 'linux/s390x', `${registry.host}/one:1`])
    const one = JSON.parse(await registry.manifest('one:1')) as { config: { digest: string } }
    assert.equal(one.config.digest, layout.ids[0])
    await engine.ok(['rmi', `${registry.host}/many:1`, `${registry.host}/one:1`])
    await engine.ok(['pull', `${registry.host}/many:1`])
    await engine.ok(['pull', '--platform', 'linux/s390x', `${registry.host}/many:1`])
    const inspect = async (...flags: string[]) =>
      await engine.ok(['image', 'inspect', '-f', '{{.Id}}', ...flags, `${registry.host}/many:1`])
    assert.equal(await inspect(), layout.ids[1])
    assert.equal(await inspect('--platform', 'linux/s390x'), layout.ids[0])
  })

  await suite.test('each name keeps the manifest that it came with, though the image is the same', async () => {
    const first = await registry.manifest('a/busybox:1')
    const second = JSON.stringify({ ...(JSON.parse(first) as object), annotations: { made: 'for the test' } })
    const { mediaType } = JSON.parse(first) as { mediaType: string }
    const url = `http://${registry.host}/v2/a/busybox/manifests/annotated`
    const put = ['curl', '--fail', '--silent', '--request', 'PUT', '--header', `Content-Type: ${mediaType}`]
    const { code } = await engine.run([...put, '--data-binary', '@-', url], { stdin: second })
    assert.equal(code, 0)
    await engine.ok(['pull', `${registry.host}/a/busybox:annotated`])
    const check = async (repository: string) => {
      for (const tag of ['1', 'annotated']) {
        await engine.ok(['tag', `${registry.host}/a/busybox:${tag}`, `${registry.host}/${repository}:${tag}`])
        await engine.ok(['push', `${registry.host}/${repository}:${tag}`])
      }
      assert.equal(await registry.manifest(`${repository}:1`), first)
      assert.equal(await registry.manifest(`${repository}:annotated`), second)
    }
    await check('c/busybox')
    // Archives keep them apart as well.
    const file = join(engine.directory, 'two.tar')
    const names = ['1', 'annotated'].map(tag => `${registry.host}/a/busybox:${tag}`)
    await engine.ok(['save', '-o', file, ...names])
    await engine.ok(['rmi', '-f', await engine.ok(['image', 'inspect', '-f', '{{.Id}}', name])])
    await engine.ok(['load', '-i', file])
    await check('d/busybox')
  })

  await suite.test('pushed twice at once, a layer is sent once', async () => {
    const names = ['1', '2'].map(tag => `${registry.host}/twice:${tag}`)
    const content = randomBytes(20_000_000)
    const layers = [[{ name: 'file', type: 'file' as const, content }]]
    writeFileSync(join(engine.directory, 'twice.tar'), archive(dockerArchive([{ names, layers }])))
    await engine.ok(['load', '-i', join(engine.directory, 'twice.tar')])
    const said = await Promise.all(names.map(image => engine.ok(['push', image])))
    const ends = said.map(text => /: (Pushed|Layer already exists)\n/.exec(text)?.[1])
    assert.deepEqual(ends.toSorted(), ['Layer already exists', 'Pushed'])
  })

  await suite.test('what is not here, or not to be pushed, is said', async () => {
    const said = async (...args: string[]) => (await engine.docker(['push', ...args])).stderr
    assert.match(await said(`${registry.host}/nothing:1`), /An image does not exist locally with the tag: /)
    await engine.ok(['tag', name, '127.0.0.1:1/busybox'])
    const { code, stdout, stderr } = await engine.docker(['push', '127.0.0.1:1/busybox'])
    assert.equal(code, 1)
    assert.equal(stdout, 'Using default tag: latest\nThe push refers to repository [127.0.0.1:1/busybox]\n')
    assert.match(stderr, /^Get "http:\/\/127.0.0.1:1\/v2\/": dial tcp 127.0.0.1:1: connect: connection refused\n$/)
  })
})
