// Images that are measured on their way: made once, kept in build/bench-images, the same on every machine.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { tar } from '../test/kit/archive.ts'
import { output } from '../test/kit/command.ts'
import { temporaryDirectory } from '../test/kit/temporary.ts'
import { layerFiles } from './layer-files.ts'

const folder = join(import.meta.dirname, '../build/bench-images')

export const shapes = {
  /** One layer of 256 MB in files of a megabyte. */
  large: { layers: 1, files: 256, size: 1 << 20 },
  /** 20 layers of 4 MB in 40 files each. */
  layers: { layers: 20, files: 40, size: 100 << 10 },
  /** One layer of 20,000 files of a kilobyte, in 200 directories. */
  files: { layers: 1, files: 20_000, size: 1 << 10 },
} as const

export type Shape = keyof typeof shapes

export interface BenchImage {
  /** A place for skopeo: the image in an OCI layout, its layers compressed by gzip. */
  readonly layout: string
  /** An archive as `docker save` writes them. */
  readonly archive: string
}

/** The name that the image has in its archive. */
export const archivedName = (shape: Shape): string => `bench-${shape}:latest`

/** Makes an image, or finds it made. */
export async function benchImage(shape: Shape): Promise<BenchImage> {
  const place = join(folder, `${shape}-${recipe()}`)
  const image = { layout: `oci:${place}/layout:latest`, archive: join(place, 'archive.tar') }
  if (existsSync(place)) return image
  mkdirSync(folder, { recursive: true })
  await using temporary = temporaryDirectory('bench-image')
  const layout = join(temporary.path, 'layout')
  await writeLayout(layout, shape)
  const archive = `docker-archive:${join(temporary.path, 'archive.tar')}:${archivedName(shape)}`
  await output(['skopeo', 'copy', '--quiet', `oci:${layout}:latest`, archive], { timeout: 600_000 })
  // The directory of temporary files may be on another file system.
  // Of a run that was cut off.
  rmSync(`${place}.new`, { recursive: true, force: true })
  await output(['cp', '--recursive', temporary.path, `${place}.new`])
  renameSync(`${place}.new`, place)
  return image
}

/** Changes when what makes the images does. */
function recipe(): string {
  const hash = createHash('sha256')
  for (const file of ['images.ts', 'layer-files.ts']) hash.update(readFileSync(join(import.meta.dirname, file)))
  return hash.digest('hex').slice(0, 8)
}

async function writeLayout(layout: string, shape: Shape): Promise<void> {
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })
  const { layers: count, files, size } = shapes[shape]
  const layers = []
  const diffIds: string[] = []
  for (let number = 0; number < count; number++) {
    await using temporary = temporaryDirectory('bench-layer')
    const [root, packed] = [join(temporary.path, 'root'), join(temporary.path, 'layer.tar')]
    layerFiles(root, { number, files, size })
    await tar(root, packed)
    diffIds.push(await sha256(packed))
    await output(['gzip', '--no-name', '-6', packed], { timeout: 600_000 })
    const digest = await sha256(`${packed}.gz`)
    const path = join(layout, 'blobs/sha256', digest)
    await output(['mv', `${packed}.gz`, path])
    layers.push(descriptor('layer.v1.tar+gzip', digest, statSync(path).size))
  }
  const config = { ...platform(), rootfs: { type: 'layers', diff_ids: diffIds.map(id => `sha256:${id}`) } }
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaType('manifest.v1+json'),
    config: putJson(layout, 'config.v1+json', config),
    layers,
  }
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' }
  const top = { ...putJson(layout, 'manifest.v1+json', manifest), annotations }
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [top] }))
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
}

const platform = () => ({ os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch, config: {} })
const mediaType = (kind: string) => `application/vnd.oci.image.${kind}`
const descriptor = (kind: string, hex: string, size: number) => ({
  mediaType: mediaType(kind),
  digest: `sha256:${hex}`,
  size,
})

function putJson(layout: string, kind: string, value: object) {
  const text = JSON.stringify(value)
  const hex = createHash('sha256').update(text).digest('hex')
  writeFileSync(join(layout, 'blobs/sha256', hex), text)
  return descriptor(kind, hex, text.length)
}

async function sha256(path: string): Promise<string> {
  return (await output(['sha256sum', path])).split(' ', 1)[0] ?? ''
}
