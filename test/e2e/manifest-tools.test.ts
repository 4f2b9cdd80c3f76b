// Images for several platforms put together in the embedded registry by the tools that people have for it.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { indexLayout } from '../../src/image/testing.ts'
import { run } from '../kit/command.ts'
import { networkNamespace } from '../kit/netns.ts'
import { TestRegistry } from '../kit/registry.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const architectures = ['amd64', 's390x']

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[]
}

test('docker manifest puts an index together, annotates and pushes it', async () => {
  await using directory = temporaryDirectory('manifest')
  await using namespace = await networkNamespace()
  await using registry = await TestRegistry.start(namespace)
  for (const architecture of architectures) {
    const archive = join(directory.path, `${architecture}.tar`)
    writeFileSync(archive, indexLayout(`x/${architecture}:1`, [architecture]).bytes())
    await registry.copy(`oci-archive:${archive}`, `registry:a/image:${architecture}`, '--override-arch', architecture)
  }
  const home = join(directory.path, 'home')
  mkdirSync(home)
  const docker = async (...args: string[]) => {
    const result = await run(namespace.enter(['docker', '--config', home, 'manifest', ...args]))
    assert.equal(result.code, 0, result.stderr)
    return result.stdout
  }
  const name = `${registry.host}/a/image`
  await docker('create', '--insecure', `${name}:all`, ...architectures.map(architecture => `${name}:${architecture}`))
  await docker('annotate', `${name}:all`, `${name}:s390x`, '--variant', 'v1')
  const [digest] = (await docker('push', '--insecure', `${name}:all`)).trim().split('\n').slice(-1)
  assert.match(digest ?? '', /^sha256:[0-9a-f]{64}$/)
  const index = JSON.parse(await registry.manifest('a/image:all')) as Index
  assert.deepEqual(index.manifests.map(({ platform }) => platform.architecture).toSorted(), architectures)
  assert.match(await docker('inspect', '--insecure', `${name}:all`), /"variant": "v1"/)
})
