// The images tests run, made from packages of the distribution and kept in build/test-images.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { output } from './command.ts'

const folder = join(import.meta.dirname, '../../build/test-images')

/** A root file system as a tar, and an archive for `docker load` of an image that has it as its only layer. */
export interface TestImage {
  readonly reference: string
  readonly rootfs: string
  readonly archive: string
}

/** busybox:latest, from the busybox of the package busybox-static; users root, app (1000), nobody. A second to make. */
export const busyboxImage = (): Promise<TestImage> => made('busybox', ['busybox-static'])

/** debian:latest with nginx, redis and python3, by mmdebstrap. Half a minute to make, once for each set of versions. */
export const debianImage = (): Promise<TestImage> => made('debian', ['nginx-light', 'redis-server', 'python3'])

async function made(name: string, packages: readonly string[]): Promise<TestImage> {
  const maker = join(import.meta.dirname, `make-${name}.ts`)
  const base = join(folder, `${name}-${await versions(packages)}-${recipe(maker)}`)
  const image = { reference: `${name}:latest`, rootfs: `${base}.rootfs.tar`, archive: `${base}.tar` }
  if (existsSync(image.archive)) return image
  mkdirSync(folder, { recursive: true })
  const make = [process.execPath, maker, base]
  await output(['flock', join(folder, `${name}.lock`), ...make], { timeout: 600_000 })
  return image
}

/** Changes when the program that makes the image does. */
function recipe(maker: string): string {
  const hash = createHash('sha256')
  for (const file of [maker, join(import.meta.dirname, 'archive.ts')]) hash.update(readFileSync(file))
  return hash.digest('hex').slice(0, 8)
}

/** The packages' candidate versions on this host, made fit for a file name. */
async function versions(packages: readonly string[]): Promise<string> {
  const policy = await output(['apt-cache', 'policy', ...packages])
  const candidates = [...policy.matchAll(/Candidate: (\S+)/g)].map(([, version = '']) => version)
  return candidates.join('_').replace(/[^\w.+-]/g, '~') || 'unknown'
}
