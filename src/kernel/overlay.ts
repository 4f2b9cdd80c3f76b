// Overlay mounts for image layers and containers, as detached trees.

import { type Fd, openPath } from './descriptor.ts'
import { hasCode } from './ffi.ts'
import { FileSystem, maxValueBytes } from './filesystem.ts'
import { openTree, setMountAttributes } from './mount-tree.ts'
import { mountByOptionString, readonlyCloneByMount } from './overlay-options.ts'
import { type OverlayOptions, directoriesOf, settingsOf } from './overlay-settings.ts'

/**
 * An overlay as a detached mount, which vanishes with its last descriptor: up to 500 lower layers, before Linux 6.7 about
 * 200. Throws KernelError with the kernel's explanation.
 */
export function mountOverlay(options: OverlayOptions): Fd {
  const [only, ...others] = options.lower
  // overlayfs wants two layers at least.
  if (only !== undefined && others.length === 0 && options.upper === undefined) return readonlyClone(only)
  return takesSingleLayers() ? mountByLayers(options) : mountByOptionString(options)
}

function readonlyClone(path: string): Fd {
  using tree = openTree(path, { clone: true })
  try {
    setMountAttributes(tree, { readonly: true, propagation: 'private' })
    return tree.dup()
  } catch (error) {
    if (hasCode(error, 'ENOSYS')) return readonlyCloneByMount(path)
    throw error
  }
}

function mountByLayers(options: OverlayOptions): Fd {
  using overlay = new FileSystem('overlay')
  overlay.set('source', options.source ?? 'overlay')
  for (const path of options.lower) setDirectory(overlay, 'lowerdir+', path)
  for (const [option, path] of directoriesOf(options)) setDirectory(overlay, option, path)
  for (const [option, value] of settingsOf(options)) overlay.set(option, value)
  return overlay.mount()
}

// overlayfs unescapes what it is given, and values are short: such paths go by descriptor. The kernel resolves it at once.
function setDirectory(overlay: FileSystem, option: string, path: string): void {
  if (!/[\\,:]/.test(path) && Buffer.byteLength(path) <= maxValueBytes) return overlay.set(option, path)
  using directory = openPath(path)
  overlay.set(option, directory.path)
}

let singleLayers: boolean | undefined

/** True from Linux 6.7 on. Before 6.5 a context takes any option and fails only when created, so ask for nonsense too. */
function takesSingleLayers(): boolean {
  singleLayers ??= accepts('lowerdir+', '/') && !accepts('no-such-option', '/')
  return singleLayers
}

function accepts(option: string, value: string): boolean {
  using overlay = new FileSystem('overlay')
  try {
    overlay.set(option, value)
    return true
  } catch (error) {
    if (!hasCode(error, 'EINVAL')) throw error
    return false
  }
}
