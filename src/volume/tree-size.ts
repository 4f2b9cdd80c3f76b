// How much a directory tree holds.

import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../kernel/ffi.ts'

/** The sizes of all files below `path` in bytes, a file with several names counted once, as far down as paths reach. */
export async function treeSize(path: string): Promise<number> {
  const seen = new Set<string>()
  let total = 0
  const pending = [path]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const { name, isDirectory } of await list(directory)) {
      const full = join(directory, name)
      const stat = await lstat(full).catch(ignoreMissing)
      if (isDirectory) pending.push(full)
      if (!stat?.isFile()) continue
      const identity = `${stat.dev}:${stat.ino}`
      if (stat.nlink === 1 || !seen.has(identity)) total += stat.size
      if (stat.nlink > 1) seen.add(identity)
    }
  }
  return total
}

// Containers may remove files while they are counted, and nest them beyond what a path can name.
function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG')) throw error
}

async function list(path: string): Promise<{ name: string; isDirectory: boolean }[]> {
  const entries: { name: string; isDirectory: boolean }[] = []
  const directory = await opendir(path).catch(ignoreMissing)
  if (!directory) return entries
  for await (const entry of directory) entries.push({ name: entry.name, isDirectory: entry.isDirectory() })
  return entries
}
