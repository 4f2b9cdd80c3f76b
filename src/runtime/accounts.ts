// The formats of passwd(5) and group(5), read leniently: a container's owner writes them.

export interface UserEntry {
  name: string
  uid: number
  gid: number
  home: string
}

export interface GroupEntry {
  name: string
  gid: number
  members: string[]
}

/** The users in passwd(5) text, in order. A line without numbers where they belong is no entry. */
export function parsePasswd(text: string): UserEntry[] {
  return lines(text).flatMap(line => {
    const [name = '', , uid = '', gid = '', , home = ''] = line.split(':')
    return isNumber(uid) && isNumber(gid) ? { name, uid: Number(uid), gid: Number(gid), home } : []
  })
}

/** The groups in group(5) text, in order. */
export function parseGroup(text: string): GroupEntry[] {
  return lines(text).flatMap(line => {
    const [name = '', , gid = '', members = ''] = line.split(':')
    return isNumber(gid) ? { name, gid: Number(gid), members: members.split(',').filter(Boolean) } : []
  })
}

const lines = (text: string) =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(Boolean)

const isNumber = (text: string) => /^\d+$/.test(text)
