// Whom a container's process runs as: `--user` and `--group-add`, looked up in the container's own files.

import { fstatSync, readSync } from 'node:fs'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { openFileInRoot } from '../kernel/openat2.ts'
import { invalid } from '../lib/errors.ts'
import { type GroupEntry, type UserEntry, parseGroup, parsePasswd } from './accounts.ts'

/** A user as numbers. `additionalGids` begins with the primary group (CVE-2022-36109). */
export interface ResolvedUser {
  uid: number
  gid: number
  additionalGids: readonly number[]
  /** The home directory; `/` if it isn't known. */
  home: string
}

/** Larger files aren't read: the container's owner chooses what is in them. */
const maximumSize = 4 * 1024 * 1024

/**
 * Resolves `user` (`name|uid[:group|gid]`, empty for root) and the additional groups in the tree at `root`. A missing
 * file counts as empty. Throws dockerd's messages for names that aren't there and numbers out of range.
 */
export function resolveUser(root: Fd, user: string, groupAdd: readonly string[]): ResolvedUser {
  // The files are read only if something has to be looked up in them.
  const accounts = new Accounts(root)
  const [userPart = '', groupPart = ''] = user.split(':')
  const uid = parseId(userPart)
  const explicitGid = parseId(groupPart)
  const entry = accounts.users.find(candidate =>
    userPart === '' ? candidate.uid === 0 : uid === undefined ? candidate.name === userPart : candidate.uid === uid,
  )
  if (!entry && userPart !== '' && uid === undefined) {
    throw invalid(`unable to find user ${userPart}: no matching entries in passwd file`)
  }
  const gid = groupPart === '' ? (entry?.gid ?? 0) : (explicitGid ?? accounts.groupNamed(groupPart, 'unable'))
  const memberships = groupPart === '' && entry ? accounts.groupsOf(entry.name) : []
  const added = groupAdd.map(group => parseId(group) ?? accounts.groupNamed(group, 'Unable'))
  const gids = [...new Set([gid, ...memberships, ...added])]
  checkRange(entry?.uid ?? uid ?? 0, ...gids)
  return {
    uid: entry?.uid ?? uid ?? 0,
    gid,
    additionalGids: gids,
    home: entry?.home || '/',
  }
}

/** The two files, read when first needed. */
class Accounts {
  readonly #root: Fd
  #users: UserEntry[] | undefined
  #groups: GroupEntry[] | undefined

  constructor(root: Fd) {
    this.#root = root
  }

  get users(): readonly UserEntry[] {
    this.#users ??= parsePasswd(readAccounts(this.#root, '/etc/passwd'))
    return this.#users
  }

  get groups(): readonly GroupEntry[] {
    this.#groups ??= parseGroup(readAccounts(this.#root, '/etc/group'))
    return this.#groups
  }

  groupsOf(user: string): number[] {
    return this.groups.filter(group => group.members.includes(user)).map(group => group.gid)
  }

  // dockerd's two messages differ in their first letter.
  groupNamed(name: string, unable: 'unable' | 'Unable'): number {
    const group = this.groups.find(candidate => candidate.name === name)
    if (!group) throw invalid(`${unable} to find group ${name}: no matching entries in group file`)
    return group.gid
  }
}

/** The number that `text` is; undefined for a name. A numeric name is always a number, never looked up as a name. */
function parseId(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const id = Number(text)
  checkRange(id)
  return id
}

// The kernel's identifiers are 32 bits: 2³² would otherwise become root (CVE-2024-40635).
function checkRange(...ids: number[]) {
  if (ids.some(id => !(id >= 0 && id <= 0x7fffffff))) throw invalid('uids and gids must be in range 0-2147483647')
}

/** The file's text, or nothing if there is no such regular file. */
function readAccounts(root: Fd, path: string): string {
  try {
    using file = openFileInRoot(root, path)
    return readBounded(file, path)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EINVAL', 'EACCES')) return ''
    throw error
  }
}

function readBounded(file: Fd, path: string): string {
  const { size } = fstatSync(file.number)
  if (size > maximumSize) throw invalid(`${path} in the container is too large: ${size} bytes`)
  // The file may grow meanwhile; what counts is what it was.
  const buffer = Buffer.alloc(size)
  let length = 0
  while (length < size) {
    const count = readSync(file.number, buffer, length, size - length, length)
    if (count === 0) break
    length += count
  }
  return buffer.toString('utf8', 0, length)
}
