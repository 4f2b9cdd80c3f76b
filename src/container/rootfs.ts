// A container's root file system: its own layer on the init layer on the image's layers, as one overlay.

import { constants, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ChainId, Layers } from '../content/layers.ts'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { mkdirAt, symlinkAt } from '../kernel/files.ts'
import { type IdView, mountMappedOverlay, mountOverlay } from '../kernel/mount.ts'
import { openInRoot } from '../kernel/openat2.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'
import { containerPaths } from './paths.ts'
import { type StorageLimit, limitLayer, mountLimited } from './storage/projects.ts'

/**
 * Mounts a container's root file system, attached nowhere: it lasts as long as the descriptor, or as long as the
 * namespace that the shim moves it into. With `users` its files have the owners of that user namespace.
 */
export function mountRootfs(engine: Pick<Engine, 'settings' | 'layers'>, container: Container, users?: IdView): Fd {
  const paths = containerPaths(engine.settings, container.id)
  const image = imageLayers(engine.layers, container.definition.topLayer)
  const init = initLayer(initHome(engine.layers, container, paths.data), image)
  const volatile = container.definition.hostConfig.AutoRemove === true
  // An overlay that was volatile refuses to be mounted again until its mark in the work directory is gone.
  if (volatile) rmSync(paths.work, { recursive: true, force: true })
  const limit = container.definition.storage
  makeLayer(paths, limit)
  const overlay = { lower: [init, ...image], upper: paths.upper, work: paths.work, volatile }
  const mount = () =>
    users ? mountMappedOverlay(overlay, users, [engine.layers.home, paths.data]) : mountOverlay(overlay)
  return limit ? mountLimited(paths, limit, mount) : mount()
}

/** Makes the directories of a container's own layer, within its limit. Throws system if it can't be limited. */
export function makeLayer(paths: { upper: string; work: string }, limit: StorageLimit | undefined): void {
  mkdirSync(paths.upper, { recursive: true, mode: 0o755 })
  mkdirSync(paths.work, { recursive: true, mode: 0o700 })
  if (limit) limitLayer(paths, limit)
}

/** What lies below a container's own layer: the image's layers and the init layer, as a read-only tree attached nowhere. */
export function mountLower(engine: Pick<Engine, 'settings' | 'layers'>, container: Container): Fd {
  const paths = containerPaths(engine.settings, container.id)
  const image = imageLayers(engine.layers, container.definition.topLayer)
  mkdirSync(paths.data, { recursive: true, mode: 0o710 })
  return mountOverlay({ lower: [initLayer(initHome(engine.layers, container, paths.data), image), ...image] })
}

function imageLayers(layers: Layers, topLayer: ChainId | undefined): string[] {
  return topLayer === undefined ? [] : layers.chain(topLayer).map(layer => layers.path(layer))
}

// Shared by all containers of an image; removed with its uppermost layer.
function initHome(layers: Layers, container: Container, own: string): string {
  const { topLayer } = container.definition
  return topLayer === undefined ? own : dirname(layers.path(topLayer))
}

const initDirectories = ['dev', 'dev/pts', 'dev/shm', 'proc', 'sys', 'etc']
const initFiles = ['dev/console', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf', '.dockerenv']

/**
 * The layer with what the runtime mounts over, so that it does not count as the container's change. Made through an
 * overlay of the image, for an image may have any of it as something else.
 */
function initLayer(home: string, image: string[]): string {
  const path = join(home, 'init')
  if (existsSync(path)) return path
  const draft = join(home, 'init.tmp')
  rmSync(draft, { recursive: true, force: true })
  const upper = join(draft, 'upper')
  mkdirSync(join(draft, 'work'), { recursive: true, mode: 0o700 })
  mkdirSync(upper, { mode: 0o755 })
  const empty = join(draft, 'empty')
  if (image.length === 0) mkdirSync(empty)
  using root = mountOverlay({
    lower: image.length > 0 ? image : [empty],
    upper,
    work: join(draft, 'work'),
    volatile: true,
  })
  for (const directory of initDirectories) makeDirectory(root, directory)
  for (const file of initFiles) makeFile(root, file)
  makeLink(root, 'etc', 'mtab', '/proc/mounts')
  renameSync(upper, path)
  rmSync(draft, { recursive: true, force: true })
  return path
}

// Whatever an image has in the place already stays as it is.
const inTheWay = ['EEXIST', 'ENOTDIR', 'ELOOP', 'ENOENT', 'EISDIR']

function tolerate(body: () => void) {
  try {
    body()
  } catch (error) {
    if (!hasCode(error, ...inTheWay)) throw error
  }
}

function openDirectory(root: Fd, path: string): Fd {
  return openInRoot(root, path, constants.O_RDONLY | constants.O_DIRECTORY)
}

function makeDirectory(root: Fd, path: string) {
  tolerate(() => {
    using parent = openDirectory(root, dirname(path))
    mkdirAt(parent, path.slice(path.lastIndexOf('/') + 1), 0o755)
  })
}

function makeFile(root: Fd, path: string) {
  tolerate(() => openInRoot(root, path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o755).close())
}

function makeLink(root: Fd, directory: string, name: string, target: string) {
  tolerate(() => {
    using parent = openDirectory(root, directory)
    symlinkAt(target, parent, name)
  })
}
