// The exec root as a mount of its own that nobody else sees changes of.

import { hasCode } from '../kernel/ffi.ts'
import { bindMount, setPropagation, unmount } from '../kernel/mount.ts'
import { readMountTable } from '../kernel/mount-table.ts'

/**
 * Makes `path` a private mount point, so that what a shim mounts below it in its own namespace doesn't come to the
 * host's, while the host's other mounts stay shared with containers that ask for it. Disposing detaches it: running
 * shims keep theirs. mount_namespaces(7).
 */
export function makePrivate(path: string): Disposable {
  if (!readMountTable().some(entry => entry.mountPoint === path)) bindMount(path, path)
  setPropagation(path, 'private')
  return { [Symbol.dispose]: () => detach(path) }
}

function detach(path: string) {
  try {
    unmount(path, { detach: true })
  } catch (error) {
    if (!hasCode(error, 'EINVAL', 'ENOENT')) throw error
  }
}
