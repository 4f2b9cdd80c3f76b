// The registry as its users have it: started by the CLI, filled and read by skopeo.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { Command, output, run } from '../kit/command.ts'
import { busyboxImage } from '../kit/images.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const gantry = join(import.meta.dirname, '../../bin/gantry')

class Registry extends Command {
  port = ''

  static async start(root: string): Promise<Registry> {
    const registry = new Registry([gantry, 'registry', 'serve', '--root', root, '--listen', '127.0.0.1:0'])
    const ready = /"port":(\d+)\}.*is ready/
    await until(() => ready.test(registry.stderr), { what: () => registry.stderr })
    registry.port = ready.exec(registry.stderr)?.[1] ?? ''
    return registry
  }

  image(name: string): string {
    return `docker://127.0.0.1:${this.port}/${name}`
  }
}

const copy = (...more: string[]) =>
  output(['skopeo', 'copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...more])

/** Files of content whose name is not the digest of what is in them. */
function wronglyNamed(root: string): string[] {
  const blobs = globSync('blobs/sha256/*/*', { cwd: root })
  assert.notEqual(blobs.length, 0)
  const digest = (blob: string) =>
    createHash('sha256')
      .update(readFileSync(join(root, blob)))
      .digest('hex')
  return blobs.filter(blob => !blob.endsWith(`/${digest(blob)}`))
}

test('images are copied in and out, bit for bit, and outlast a kill', async () => {
  await using directory = temporaryDirectory('registry')
  const root = join(directory.path, 'root')
  const { archive } = await busyboxImage()
  const manifestOf = async (registry: Registry, name: string) =>
    await output(['skopeo', 'inspect', '--raw', '--tls-verify=false', registry.image(name)])
  let manifest: string
  {
    await using registry = await Registry.start(root)
    await copy(`docker-archive:${archive}`, registry.image('library/busybox:1'))
    await copy('--preserve-digests', registry.image('library/busybox:1'), registry.image('copied/busybox:2'))
    manifest = await manifestOf(registry, 'copied/busybox:2')
    registry.kill('SIGKILL')
    await registry.result
  }
  await using registry = await Registry.start(root)
  assert.equal(await manifestOf(registry, 'library/busybox:1'), manifest)
  const layout = join(directory.path, 'layout')
  await copy('--preserve-digests', registry.image('copied/busybox:2'), `oci:${layout}:x`)
  assert.match(
    readFileSync(join(layout, 'index.json'), 'utf8'),
    new RegExp(createHash('sha256').update(manifest).digest('hex')),
  )
  assert.deepEqual(wronglyNamed(root), [])
  registry.kill('SIGTERM')
  assert.equal((await registry.result).code, 0)
})

test('what is wrong with the command line is said', async () => {
  await using directory = temporaryDirectory('registry')
  const serve = (listen: string) => run([gantry, 'registry', 'serve', '--root', directory.path, '--listen', listen])
  assert.match((await serve('here')).stderr, /expected HOST:PORT/)
  await using registry = await Registry.start(join(directory.path, 'other'))
  const { code, stderr } = await serve(`127.0.0.1:${registry.port}`)
  assert.deepEqual([code, /EADDRINUSE/.test(stderr)], [1, true])
})

test('a registry that is collecting ends when it is told to', async () => {
  await using directory = temporaryDirectory('registry')
  const config = join(directory.path, 'registry.yaml')
  writeFileSync(
    config,
    JSON.stringify({ root: join(directory.path, 'root'), collection: { every: '1ms', grace: '1h' } }),
  )
  await using registry = new Command([gantry, 'registry', 'serve', '--config', config, '--listen', '127.0.0.1:0'])
  await until(() => registry.stderr.split('Collected garbage').length > 20, {
    what: () => registry.stderr.slice(0, 1000),
  })
  registry.kill('SIGTERM')
  assert.equal((await registry.finish(10_000)).code, 0)
})
