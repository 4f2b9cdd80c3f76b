// Memory-backed file systems as detached mounts. tmpfs(5).

import type { Fd } from './descriptor.ts'
import { FileSystem } from './filesystem.ts'

/** A new tmpfs; `options` as tmpfs(5) names them (size, mode, nr_inodes…), with an empty value for flags. Throws KernelError. */
export function mountTmpfs(options: Readonly<Record<string, string>>): Fd {
  using tmpfs = new FileSystem('tmpfs')
  for (const [option, value] of Object.entries(options)) tmpfs.set(option, value === '' ? undefined : value)
  return tmpfs.mount()
}
