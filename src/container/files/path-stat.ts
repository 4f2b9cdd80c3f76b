// What is at a path of a container, in the form of the header X-Docker-Container-Path-Stat.

import { constants } from 'node:fs'
import type { PathStat } from '../../content/tree/locate.ts'
import { formatTime } from '../../lib/clock.ts'

// Go's os.FileMode has bits of its own for all but the permissions.
const typeBits: ReadonlyMap<number, number> = new Map([
  [constants.S_IFDIR, 2 ** 31],
  [constants.S_IFLNK, 2 ** 27],
  [constants.S_IFBLK, 2 ** 26],
  [constants.S_IFIFO, 2 ** 25],
  [constants.S_IFSOCK, 2 ** 24],
  [constants.S_IFCHR, 2 ** 26 + 2 ** 21],
])

const specialBits = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
] as const

/** A st_mode as Go's os.FileMode. */
export function goFileMode(mode: number): number {
  const type = typeBits.get(mode & constants.S_IFMT) ?? 0
  const special = specialBits.reduce((sum, [bit, value]) => sum + (mode & bit ? value : 0), 0)
  return type + special + (mode & 0o777)
}

/** The header's value: JSON in base64. */
export function pathStatHeader({ name, size, mode, mtimeNs, linkTarget }: PathStat): string {
  const value = { name, size, mode: goFileMode(mode), mtime: formatTime(mtimeNs), linkTarget }
  return Buffer.from(JSON.stringify(value)).toString('base64')
}
