// Groups of this host by name.

import { readFile } from 'node:fs/promises'

/** The number of a group given by name or number; undefined if it is not in /etc/group. */
export async function findGroup(group: string): Promise<number | undefined> {
  const lines = (await readFile('/etc/group', 'utf8')).split('\n')
  const entry = lines.map(line => line.split(':')).find(([name, , id]) => name === group || id === group)
  return entry?.[2] === undefined ? undefined : Number(entry[2])
}
