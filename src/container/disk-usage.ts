// How much a container's own layer takes on disk.

import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../kernel/ffi.ts'

/** Bytes of all files below `path`, hard links counted once; 0 if it doesn't exist. */
export async function diskUsage(path: string, seen = new Set<string>()): Promise<number> {
  try {
    const stat = await lstat(path, { bigint: true })
    const inode = `${stat.dev}:${stat.ino}`
    if (seen.has(inode)) return 0
    seen.add(inode)
    if (!stat.isDirectory()) return Number(stat.size)
    let total = 0
    for (const name of await readdir(path)) total += await diskUsage(join(path, name), seen)
    return total
  } catch (error) {
    // Gone meanwhile, or put deeper by the container than a path can say.
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')) return 0
    throw error
  }
}
