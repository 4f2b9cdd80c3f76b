// `userns-remap`: the ids of the user namespace that all containers of a daemon are in, from the subordinate ids of a user.

import { readFileSync } from 'node:fs'
import { invalid } from '../lib/errors.ts'
import { parseGroup, parsePasswd } from './accounts.ts'
import { sharedRange } from './id-allocation.ts'
import type { IdMap, IdRange } from '../lib/id-map.ts'

/** The files that say who there is and which ids they may give away: texts of passwd(5), group(5), subuid(5), subgid(5). */
export interface IdFiles {
  readonly passwd: string
  readonly group: string
  readonly subuid: string
  readonly subgid: string
}

/** Reads the host's files; one that isn't there is empty. */
export const readIdFiles = (): IdFiles => ({
  passwd: textOf('/etc/passwd'),
  group: textOf('/etc/group'),
  subuid: textOf('/etc/subuid'),
  subgid: textOf('/etc/subgid'),
})

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Whose ids dockerd takes for `default`. */
const defaultUser = 'dockremap'

/**
 * The ids for `value`: a user or `user:group`, by name or number, or `default`; undefined for '' and for root, who can't be
 * mapped to itself. Throws dockerd's errors. Groups' ranges are the user's, whatever the group, as with dockerd.
 */
export function remapOf(value: string, files: IdFiles): IdMap | undefined {
  if (value === '') return undefined
  if (value === 'default') return defaultMap(files)
  const [user = '', group, ...more] = value.split(':')
  if (user === '' || group === '' || more.length > 0) {
    throw invalid(`Invalid user/group specification in --userns-remap: ${JSON.stringify(value)}`)
  }
  const { name, uid } = findUser(user, files)
  checkGroup(group ?? name, files)
  if (uid === 0) return undefined
  const owner = { name, uid }
  return {
    uids: rangesOf(files.subuid, owner, () => invalid(`no subuid ranges found for user ${JSON.stringify(name)}`)),
    gids: rangesOf(files.subgid, owner, () => invalid(`no subgid ranges found for user ${JSON.stringify(name)}`)),
  }
}

// dockerd adds a user to the host. Here what is on disk doesn't depend on the ids, and any that nobody else has will do.
function defaultMap(files: IdFiles): IdMap {
  const known = parsePasswd(files.passwd).some(({ name }) => name === defaultUser)
  return (known && remapOf(defaultUser, files)) || sharedRange
}

interface Owner {
  readonly name: string
  readonly uid: number
}

function findUser(user: string, { passwd }: IdFiles): Owner {
  const isNumber = /^\d+$/.test(user)
  const found = parsePasswd(passwd).find(({ name, uid }) => (isNumber ? uid === Number(user) : name === user))
  if (found) return found
  throw invalid(
    isNumber
      ? `Uid ${user} has no entry in /etc/passwd: no matching entries in passwd file`
      : `Error during uid lookup for ${JSON.stringify(user)}: no matching entries in passwd file`,
  )
}

function checkGroup(group: string, files: IdFiles): void {
  const isNumber = /^\d+$/.test(group)
  if (parseGroup(files.group).some(({ name, gid }) => (isNumber ? gid === Number(group) : name === group))) return
  throw invalid(
    isNumber
      ? `Gid ${group} has no entry in /etc/group: no matching entries in group file`
      : `Error during gid lookup for ${JSON.stringify(group)}: no matching entries in group file`,
  )
}

// The lowest range comes first in the container, whatever their order in the file.
function rangesOf(text: string, owner: Owner, missing: () => Error): IdRange[] {
  const own = text
    .split('\n')
    .map(line => line.trim().split(':'))
    .filter(([who]) => who === owner.name || who === String(owner.uid))
    .map(([, first, size]) => ({ host: Number(first), size: Number(size) }))
    .filter(({ host, size }) => Number.isSafeInteger(host) && size > 0)
    .toSorted((one, other) => one.host - other.host)
  if (own.length === 0) throw missing()
  let next = 0
  return own.map(({ host, size }) => {
    const container = next
    next += size
    return { container, host, size }
  })
}
