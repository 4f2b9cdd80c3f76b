// How a user namespace's ids are those of the host.

/** `size` ids from `container` on are, on the host, those from `host` on. */
export interface IdRange {
  readonly container: number
  readonly host: number
  readonly size: number
}

/** A user namespace's ids. Both lists are in the order of `container` and never empty. */
export interface IdMap {
  readonly uids: readonly IdRange[]
  readonly gids: readonly IdRange[]
}

/** Users and groups of the same range. */
export const mapOf = (range: IdRange): IdMap => ({ uids: [range], gids: [range] })

/** What the host has for `id`; undefined if it is nobody there. */
export function hostId(ranges: readonly IdRange[], id: number): number | undefined {
  const range = ranges.find(({ container, size }) => id >= container && id < container + size)
  return range && range.host + id - range.container
}

/** The reverse of `hostId`; undefined if the host's `id` is nobody in the namespace. */
export function namespaceId(ranges: readonly IdRange[], id: number): number | undefined {
  const range = ranges.find(({ host, size }) => id >= host && id < host + size)
  return range && range.container + id - range.host
}

/** The namespace's root, as the host knows it; the host's own root if the namespace has none. */
export const rootOf = ({ uids, gids }: IdMap): { uid: number; gid: number } => ({
  uid: hostId(uids, 0) ?? 0,
  gid: hostId(gids, 0) ?? 0,
})

/** The text of /proc/PID/uid_map or gid_map. user_namespaces(7). */
export const formatRanges = (ranges: readonly IdRange[]): string =>
  ranges.map(({ container, host, size }) => `${container} ${host} ${size}\n`).join('')

/** Reads what `formatRanges` writes, and the kernel. */
export const parseRanges = (text: string): IdRange[] =>
  text
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
    .flatMap(([container, host, size]) => (size === undefined ? [] : [{ container, host, size } as IdRange]))
