// Image archives as `docker save` writes them, made from root file systems.

import { createHash } from 'node:crypto'
import { createReadStream, linkSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { output } from './command.ts'
import { temporaryDirectory } from './temporary.ts'

export interface ArchiveImage {
  /** `name:tag`. */
  readonly reference: string
  /** Tar of the only layer, on the same file system as the archive. */
  readonly layer: string
  /** The `config` part of the image config. */
  readonly config: object
}

/** Writes a docker-archive with one image to `target`, at once or not at all. The same input gives the same image id. */
export async function writeArchive(target: string, image: ArchiveImage): Promise<void> {
  await using temporary = temporaryDirectory('archive')
  const diffId = await sha256(image.layer)
  const config = JSON.stringify(imageConfig(image.config, diffId))
  const name = `${createHash('sha256').update(config).digest('hex')}.json`
  mkdirSync(join(temporary.path, diffId))
  linkSync(image.layer, join(temporary.path, diffId, 'layer.tar'))
  writeFileSync(join(temporary.path, name), config)
  const manifest = [{ Config: name, RepoTags: [image.reference], Layers: [`${diffId}/layer.tar`] }]
  writeFileSync(join(temporary.path, 'manifest.json'), JSON.stringify(manifest))
  await tar(temporary.path, `${target}.new`)
  renameSync(`${target}.new`, target)
}

/** Packs a directory's content reproducibly. */
export async function tar(directory: string, target: string): Promise<void> {
  const same = ['--sort=name', '--mtime=@1700000000', '--numeric-owner']
  await output(['tar', ...same, '-C', directory, '-cf', target, '.'])
}

function imageConfig(config: object, diffId: string): object {
  return {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: '2023-11-14T22:13:20Z',
    config,
    rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
    history: [{ created: '2023-11-14T22:13:20Z', created_by: '/bin/sh -c #(nop) ADD rootfs.tar in / ' }],
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}
