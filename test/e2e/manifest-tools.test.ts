// Images for several platforms put together in the embedded registry by the tools that people have for it.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { indexLayout } from '../../src/image/testing.ts'
import { run } from '../kit/command.ts'
import { networkNamespace } from '../kit/netns.ts'
import { fromNewerDebian } from '../kit/newer-debian.ts'
import { TestRegistry } from '../kit/registry.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const architectures = ['amd64', 's390x']

interface Index {
  readonly manifests: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[]
}

/** A registry with an image for each architecture under its name as tag, and a directory for the client's configuration. */
async function filled() {
  await using stack = new AsyncDisposableStack()
  const directory = stack.use(temporaryDirectory('manifest'))
  const namespace = stack.use(await networkNamespace())
  const registry = stack.use(await TestRegistry.start(namespace))
  for (const architecture of architectures) {
    const archive = join(directory.path, `${architecture}.tar`)
    writeFileSync(archive, indexLayout(`x/${architecture}:1`, [architecture]).bytes())
    await registry.copy(`oci-archive:${archive}`, `registry:a/image:${architecture}`, '--override-arch', architecture)
  }
  const home = join(directory.path, 'home')
  mkdirSync(home)
  const docker = async (...args: string[]) => {
    const result = await run(namespace.enter(['docker', '--config', home, ...args]))
    assert.equal(result.code, 0, result.stderr)
    return result.stdout
  }
  const owned = stack.move()
  const name = `${registry.host}/a/image`
  return { home, registry, docker, name, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

test('docker manifest puts an index together, annotates and pushes it', async () => {
  await using place = await filled()
  const { registry, name } = place
  const docker = (...args: string[]) => place.docker('manifest', ...args)
  await docker('create', '--insecure', `${name}:all`, ...architectures.map(architecture => `${name}:${architecture}`))
  await docker('annotate', `${name}:all`, `${name}:s390x`, '--variant', 'v1')
  const [digest] = (await docker('push', '--insecure', `${name}:all`)).trim().split('\n').slice(-1)
  assert.match(digest ?? '', /^sha256:[0-9a-f]{64}$/)
  const index = JSON.parse(await registry.manifest('a/image:all')) as Index
  assert.deepEqual(index.manifests.map(({ platform }) => platform.architecture).toSorted(), architectures)
  assert.match(await docker('inspect', '--insecure', `${name}:all`), /"variant": "v1"/)
})

test('buildx imagetools puts an index together, looks at it, and copies it under another name', async () => {
  await using place = await filled()
  const { registry, name, home } = place
  const directory = await fromNewerDebian('docker-buildx', 'usr/libexec/docker/cli-plugins/docker-buildx')
  mkdirSync(join(home, 'cli-plugins'))
  const script = `#!/bin/sh\nexec "${directory}/docker-buildx" "$@"\n`
  writeFileSync(join(home, 'cli-plugins/docker-buildx'), script, { mode: 0o755 })
  const tools = (...args: string[]) => place.docker('buildx', 'imagetools', ...args)
  await tools('create', '--tag', `${name}:all`, ...architectures.map(architecture => `${name}:${architecture}`))
  const inspected = await tools('inspect', `${name}:all`)
  for (const architecture of architectures)
    assert.match(inspected, new RegExp(`Platform: +linux/${architecture}$`, 'm'))
  const raw = await tools('inspect', '--raw', `${name}:all`)
  assert.deepEqual(JSON.parse(raw), JSON.parse(await registry.manifest('a/image:all')))
  await tools('create', '--annotation', 'index:team=a', '--tag', `${registry.host}/b/copy:1`, `${name}:all`)
  const copied = JSON.parse(await registry.manifest('b/copy:1')) as Index & { annotations: Record<string, string> }
  assert.deepEqual(copied.manifests.map(({ platform }) => platform.architecture).toSorted(), architectures)
  assert.deepEqual(copied.annotations, { team: 'a' })
  await tools('create', '--append', '--tag', `${name}:all`, `${registry.host}/b/copy:1`)
})
